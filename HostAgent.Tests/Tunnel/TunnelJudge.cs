using System.Globalization;
using HostAgent.Policy;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>What RFC 7348 and the sensors want of every datagram, judged by what tshark says of it.</summary>
internal static class TunnelJudge
{
    /// <summary>
    /// Checks everything that was written onto the sensor's link: headers, checksums outside and inside, size, source port.
    /// </summary>
    /// <param name="frames">All that crossed the sensor's link towards it.</param>
    /// <param name="mtu">Of that link, in bytes.</param>
    /// <param name="policy">The port range.</param>
    /// <param name="badInner">Allow wrong inner checksums: they crossed the pod's link like that.</param>
    /// <returns>The datagrams that arrived whole or whose last fragment this is.</returns>
    public static IReadOnlyList<DecodedFrame> Judge(
        IReadOnlyList<DecodedFrame> frames, int mtu = 9000, SensorPolicy? policy = null, bool badInner = false)
    {
        policy ??= new();
        var datagrams = new List<DecodedFrame>();
        foreach (DecodedFrame frame in frames)
        {
            Assert.That(frame.Bytes.Length - 14, Is.LessThanOrEqualTo(mtu), $"larger than the link's MTU: {frame}");
            string[] bad = [.. frame.BadChecksums.Where(field => !badInner || field.EndsWith("[0]", StringComparison.Ordinal))];
            Assert.That(bad, Is.Empty, $"{string.Join(' ', bad)} of {frame}");
            bool fragment = frame.IsFragment || frame.Protocols.Contains("ipv6.fraghdr", StringComparison.Ordinal);
            if (fragment && !frame.IsVxlan) continue;
            Assert.That(frame.IsVxlan && !frame.IsMalformed, $"not sound: {frame}");
            Assert.That(frame.DestinationPort, Is.EqualTo(policy.Port));
            Assert.That(frame.SourcePort, Is.InRange(policy.FirstSourcePort, policy.FirstSourcePort + policy.SourcePortCount - 1));
            byte[] header = frame.VxlanHeader;
            Assert.That(Convert.ToHexString(header[..4]) + Convert.ToHexString(header[7..]), Is.EqualTo("0800000000"),
                $"flags and reserved bits of {frame}");
            bool v6 = frame.Bytes[12] == 0x86;
            // Those that are there have been checked above.
            Assert.That(!v6 || frame.First("udp.checksum") != "0x0000", $"no outer UDP checksum over IPv6: {frame}");
            datagrams.Add(frame);
        }

        return datagrams;
    }

    /// <summary>Judges, too; what it carries of TCP and UDP, by flow.</summary>
    public static Dictionary<string, DecodedFrame[]> ByFlow(IReadOnlyList<DecodedFrame> frames) => Judge(frames)
        .GroupBy(FlowOf).Where(flow => flow.Key is not null).ToDictionary(flow => flow.Key!, flow => flow.ToArray());

    /// <summary>The outer source port is one for both directions of every inner TCP or UDP flow.</summary>
    /// <returns>How many flows there are, and which source ports they have.</returns>
    public static (int Flows, int[] Ports) Flows(IEnumerable<DecodedFrame> datagrams)
    {
        var flows = new Dictionary<string, HashSet<int>>();
        foreach (DecodedFrame datagram in datagrams)
        {
            string? flow = FlowOf(datagram);
            if (flow is null) continue;
            if (!flows.TryGetValue(flow, out HashSet<int>? ports)) flows[flow] = ports = [];
            ports.Add(datagram.SourcePort);
        }

        Assert.That(flows.Where(flow => flow.Value.Count != 1).Select(flow => $"{flow.Key}: {string.Join(' ', flow.Value)}"), Is.Empty,
            "flows with several source ports");
        return (flows.Count, [.. flows.SelectMany(flow => flow.Value).Distinct().Order()]);
    }

    /// <summary>The inner flow without its direction; null without ports.</summary>
    public static string? FlowOf(DecodedFrame datagram)
    {
        if (!IsTcpOrUdp(datagram)) return null;
        string layer = Inside(datagram).Contains(":tcp", StringComparison.Ordinal) ? "tcp" : "udp";
        string ip = Inside(datagram).Contains(":ipv6", StringComparison.Ordinal) ? "ipv6" : "ip";
        string[] ends =
        [
            $"{datagram.Last(ip + ".src")} {datagram.Last(layer + ".srcport")}",
            $"{datagram.Last(ip + ".dst")} {datagram.Last(layer + ".dstport")}",
        ];
        Array.Sort(ends, StringComparer.Ordinal);
        return $"{layer} {ends[0]} {ends[1]}";
    }

    /// <summary>True when the inner frame is TCP or UDP, as opposed to what kernels say of their own accord.</summary>
    public static bool IsTcpOrUdp(DecodedFrame datagram) =>
        Inside(datagram) is var inside && !inside.Contains(":icmp", StringComparison.Ordinal)
        && (inside.Contains(":tcp", StringComparison.Ordinal) || inside.Contains(":udp", StringComparison.Ordinal));

    /// <summary>tshark's text of a field of the inner frame, as a number.</summary>
    public static long Number(DecodedFrame datagram, string field) => long.Parse(datagram.Last(field)!, CultureInfo.InvariantCulture);

    private static string Inside(DecodedFrame datagram)
    {
        int at = datagram.Protocols.IndexOf("vxlan:", StringComparison.Ordinal);
        return at < 0 ? "" : datagram.Protocols[(at + 6)..];
    }
}
