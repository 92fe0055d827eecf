using HostAgent.Capture;
using HostAgent.Filters;
using HostAgent.Tests.Tunnel;
using PacketDotNet;
using SharpPcap.LibPcap;

namespace HostAgent.Tests.Filters;

[Parallelizable]
internal sealed unsafe class FrameFilterTests
{
    private static readonly string[] Expressions =
    [
        "tcp port 80", "udp", "ip6", "arp", "host 10.56.0.1", "net 10.56.0.0/16", "src net fd56::/16", "icmp6 or sctp", "less 100",
        "len > 2000", "vlan", "vlan 7 and tcp", "tcp[tcpflags] & (tcp-push|tcp-ack) != 0", "ip[2:2] > 1000 and not udp",
        "ether src 02:00:00:00:00:01", "ip proto \\tcp", "portrange 50-90", "port domain", "ether[0:4] = 0x02000000 and ip[0] & 0xf > 5",
        "ip6 proto 44", "udp dst port 9999 or (tcp and greater 3000)", "ether proto 0x88b5", "multicast",
    ];

    [TestCaseSource(nameof(Expressions))]
    public void Judges_as_libpcap_and_the_kernel_do(string expression)
    {
        FrameFilter filter = FrameFilter.Compile(expression);
        using var libpcap = BpfProgram.Create(LinkLayers.Ethernet, expression);
        using var kernel = new KernelFilter(filter.Program);
        var random = new Random(5);
        int matching = 0;
        for (int n = 0; n < 400; n++)
        {
            byte[] frame = n < DamagedFrame.Seeds.Count
                ? DamagedFrame.Seeds[n].Bytes
                : DamagedFrame.Of(DamagedFrame.Seeds[n % DamagedFrame.Seeds.Count], random).Bytes;
            if (frame.Length == 0) continue;
            bool matches = Matches(filter, frame);
            Assert.That((libpcap.Matches(frame), kernel.Accepted(frame) > 0), Is.EqualTo((matches, matches)), Convert.ToHexString(frame));
            if (matches) matching++;
        }

        if (expression is not ("ether proto 0x88b5" or "multicast")) Assert.That(matching, Is.InRange(1, 399), "it tells frames apart");
    }

    [TestCase("host payments.example", "payments.example")]
    [TestCase("payments", "payments")]
    [TestCase("tcp port 80 and dst zeek", "zeek")]
    [TestCase("port 80 and net lab", "lab")]
    [TestCase("port http or src www", "www")]
    [TestCase("gateway router", "router")]
    [TestCase("ether host server", "server")]
    [TestCase("not(foo)", "foo")]
    [TestCase("host \\tcp", "\\tcp")]
    [TestCase("host 10.0.0.1.example", "10.0.0.1.example")]
    [TestCase("host 1.2.3.4.5", "1.2.3.4.5")]
    [TestCase("host ab:cd", "ab:cd")]
    [TestCase("host fe80::1:example", "fe80::1:example")]
    [TestCase("len-4 > 5", "len-4")]
    [TestCase("tcp[foo:1] = 2", "foo")]
    [TestCase("host 0a0a0a", "0a0a0a")]
    public void Looks_up_no_name(string expression, string name) =>
        Assert.That(() => FrameFilter.Compile(expression),
            Throws.TypeOf<FilterException>().With.Message.Contains($"has the name '{name}', and names are not looked up"));

    [TestCase("port http or domain")]
    [TestCase("tcp dst port (80 or https) and host 10.0.0.1")]
    [TestCase("portrange 1000-2000")]
    [TestCase("ip proto \\udp or ether proto \\arp")]
    [TestCase("ip proto ospf")]
    [TestCase("host ::1 or host fd00::10.0.0.1 or net 10.0/16 or net 10 or src net 192.168.0.0 mask 255.255.0.0")]
    [TestCase("ether host 02-00-00-00-00-01 or ether src 0200.0000.0001 or ether dst 020000000001 or ether host 2.0.0.0.0.1")]
    [TestCase("tcp[tcp-syn:1] = 0x2 or icmp[icmptype] = icmp-echo or icmp6[icmp6type]=icmp6-neighborsolicit")]
    public void Takes_what_needs_no_look_up(string expression) =>
        Assert.That(FrameFilter.Compile(expression).Expression, Is.EqualTo(expression));

    [TestCase("tcp port", "syntax error")]
    [TestCase("tcp and arp", "expression rejects all packets")]
    [TestCase("port nosuchservice", "unknown port 'nosuchservice'")]
    [TestCase("host 10.0.0.999", "invalid IPv4 address '10.0.0.999'")]
    [TestCase("ip broadcast", "netmask not known")]
    [TestCase("inbound", "do without protochain, inbound, outbound")]
    [TestCase("ip protochain 6", "do without protochain")]
    [TestCase("ether[4294963204:4] = 1", "cannot be used here")]
    [TestCase("", "the filter is empty")]
    [TestCase(" \t", "the filter is empty")]
    [TestCase("tcp @ udp", "syntax error")]
    public void Says_what_is_wrong_in_one_line(string expression, string why) =>
        Assert.That(() => FrameFilter.Compile(expression),
            Throws.TypeOf<FilterException>().With.Message.Contains(why).And.Message.Not.Contains("\n"));

    [Test]
    public void Too_long_a_program_is_refused() =>
        Assert.That(() => FrameFilter.Compile(Hosts(4000)), Throws.TypeOf<FilterException>().With.Message.Contains("or make it shorter"));

    /// <summary>An expression that takes two instructions for each host, and more.</summary>
    internal static string Hosts(int count) =>
        string.Join(" or ", Enumerable.Range(0, count).Select(i => $"ip[12:4] = {0x0A4D_0000 + (i * 3)}"));

    private static bool Matches(FrameFilter filter, byte[] frame)
    {
        fixed (byte* start = frame) return filter.Matches(start, frame.Length);
    }
}
