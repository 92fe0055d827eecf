using System.Globalization;

namespace HostAgent.Tests.Network;

/// <summary>One captured frame, as tshark understands it.</summary>
/// <param name="Number">Its place in the capture, from 1.</param>
/// <param name="Bytes">The frame as it crossed the link (a VLAN tag that the kernel keeps beside it put back).</param>
/// <param name="Fields">tshark's fields that are present, each with all its occurrences, the outermost first.</param>
internal sealed record DecodedFrame(int Number, byte[] Bytes, IReadOnlyDictionary<string, string[]> Fields)
{
    private const string ChecksumStatus = ".checksum.status";

    /// <summary>The layers, such as <c>eth:ethertype:ip:udp:vxlan:eth:ethertype:ip:tcp</c>.</summary>
    public string Protocols => First("frame.protocols") ?? "";

    public bool IsVxlan => Fields.ContainsKey("vxlan.vni");

    /// <summary>The outer UDP ports; 0 where there is none.</summary>
    public int SourcePort => Integer("udp.srcport");

    public int DestinationPort => Integer("udp.dstport");

    /// <summary>
    /// A VXLAN datagram's header: flags, reserved 24 bits, VNI, reserved byte (RFC 7348). Its fragments' datagram is with the last of them.
    /// </summary>
    public byte[] VxlanHeader => Payload[..8];

    /// <summary>The frame that a VXLAN datagram carries.</summary>
    public byte[] Inner => Payload[8..];

    public int Vni => Integer("vxlan.vni");

    /// <summary>True for a fragment, the last one included.</summary>
    public bool IsFragment => First("ip.flags.mf") is "1" or "True" || Integer("ip.frag_offset") != 0;

    /// <summary>
    /// Every checksum in it, outer and inner, that tshark found wrong, by field name and occurrence (0 = outermost). IPv4 and UDP "not
    /// present" is right. What an ICMP error quotes is not judged: the kernel that wrote it quotes what crossed a link inside the host,
    /// unfinished checksums included.
    /// </summary>
    public IReadOnlyList<string> BadChecksums => [.. Fields.Keys
        .Where(name => name.EndsWith(ChecksumStatus, StringComparison.Ordinal)).Select(name => name[..^ChecksumStatus.Length])
        .SelectMany(layer => Fields[layer + ChecksumStatus].SkipLast(Quoted(layer)).Select((status, i) => (layer, status, i)))
        .Where(sum => sum.status is not ("1" or "2" or "3" or "Good" or "Unverified" or "Not present") && !IsMinusZero(sum.layer, sum.i))
        .Select(sum => $"{sum.layer}{ChecksumStatus}[{sum.i}]")];

    public bool IsMalformed => Fields.ContainsKey("_ws.malformed") || Protocols.Contains("malformed", StringComparison.Ordinal);

    private byte[] Payload =>
        Convert.FromHexString((First("udp.payload") ?? throw new AssertionException($"frame {Number} has no UDP payload: {Protocols}"))
            .Replace(":", "", StringComparison.Ordinal));

    /// <summary>The outermost occurrence of a field, or null.</summary>
    public string? First(string field) => At(field, 0);

    /// <summary>The innermost occurrence of a field, or null.</summary>
    public string? Last(string field) => Fields.TryGetValue(field, out string[]? values) ? values[^1] : null;

    /// <summary>The outermost occurrence of a field as a number, decimal or 0x…; 0 where it is absent.</summary>
    public int Integer(string field) => First(field) switch
    {
        null => 0,
        ['0', 'x', .. string hex] => int.Parse(hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture),
        string text => int.Parse(text, CultureInfo.InvariantCulture),
    };

    /// <summary>
    /// True for a TCP checksum of 0xFFFF where 0 is right. Both are zero in ones' complement and verify alike, but RFC 1624 wants 0 and
    /// tshark, which calculates 0, calls the other wrong. The kernel's skb_checksum_help writes it, so one segment in 65,536 crosses the
    /// wire like that.
    /// </summary>
    private bool IsMinusZero(string layer, int occurrence) =>
        layer == "tcp" && At("tcp.checksum", occurrence) == "0xffff" && At("tcp.checksum_calculated", occurrence) == "0x0000";

    private string? At(string field, int occurrence) =>
        Fields.TryGetValue(field, out string[]? values) ? values.ElementAtOrDefault(occurrence) : null;

    /// <summary>How often a layer occurs inside an ICMP message.</summary>
    private int Quoted(string layer) =>
        Protocols.Split(':').SkipWhile(name => name is not ("icmp" or "icmpv6")).Skip(1).Count(name => name == layer);

    public override string ToString() => $"{Number}: {Protocols} {Convert.ToHexStringLower(Bytes)}";
}
