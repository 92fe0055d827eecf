using HostAgent.Lab;
using HostAgent.Replay;
using HostAgent.Tests.Network;
using HostAgent.Tests.Tunnel;

namespace HostAgent.Tests.Replay;

[Parallelizable]
internal sealed class PacketSummaryTests
{
    private static readonly byte[] Request = [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2];

    [Test]
    public void Says_what_a_frame_is()
    {
        const string Macs = "02:00:00:00:00:01 > 02:00:00:00:00:02";
        foreach ((byte[] frame, string summary) in new[]
        {
            (CraftedFrame.Tcp("", new("10.56.0.1"), 7, 0, flags: 0x19).Bytes,
                "10.56.0.1:50000 > 10.51.0.1:80 tcp [fin,psh,ack] seq 4294963200 ack 16909060 window 8192 length 7"),
            (CraftedFrame.Tcp("", new("fd56::1"), 0, 0, flags: 2).Bytes,
                "[fd56::1]:50000 > [fd50:1::1]:80 tcp [syn] seq 4294963200 ack 16909060 window 8192 length 0"),
            (CraftedFrame.Udp("", new("10.56.0.1", Tags: [0x81, 0, 0, 7]), 53).Bytes,
                "vlan 7 10.56.0.1:50000 > 10.51.0.1:9999 udp length 53"),
            (CraftedFrame.Udp("", new("10.56.0.1"), 50_000).Bytes, "10.56.0.1:50000 > 10.51.0.1:9999 udp length 50000"),
            (CraftedFrame.Icmpv6("", new("fd56::1"), 30).Bytes, "fd56::1 > fd50:1::1 icmp6 EchoRequest length 38"),
            (FrameBuilder.Ethernet(0x0800, FrameBuilder.Ipv4("10.0.0.1", "10.0.0.2", 132, new byte[28])),
                "10.0.0.1 > 10.0.0.2 protocol 132 length 28"),
            (FrameBuilder.Ethernet(0x0806, Request), "02:00:00:00:00:01 arp request 10.0.0.1 for 10.0.0.2"),
            (FrameBuilder.Ethernet(0x88B5, new byte[46]), $"{Macs} type 0x88b5 length 60"),
        })
        {
            Assert.That((PacketSummary.TryOf(frame, out string said), said), Is.EqualTo((true, summary)));
        }
    }

    [Test]
    public void Whatever_is_thrown_at_it_becomes_a_line()
    {
        var random = new Random(8);
        int failed = 0;
        for (int n = 0; n < 20_000; n++)
        {
            byte[] frame = DamagedFrame.Of(DamagedFrame.Seeds[n % DamagedFrame.Seeds.Count], random).Bytes;
            if (!PacketSummary.TryOf(frame, out string summary)) failed++;
            Assert.That(summary, Has.Length.InRange(1, 300));
            Assert.That(summary.Any(char.IsControl), Is.False, summary);
        }

        Assert.That(failed, Is.InRange(100, 19_000), "of PacketDotNet's exceptions");
    }
}
