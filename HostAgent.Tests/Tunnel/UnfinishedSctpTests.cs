using HostAgent.Frames;
using HostAgent.Lab;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>
/// SCTP leaves a pod with its CRC32c unfinished. Kernels without SCTP send none, and a packet socket has no way to ask for that checksum,
/// so these frames come from memory.
/// </summary>
[TestFixture]
internal sealed class UnfinishedSctpTests
{
    private static readonly byte[] Init =
    [
        0x80, 0x44, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 20, 0x12, 0x34, 0x56, 0x78, 0, 1, 0, 0, 0, 10, 0, 10, 0x9A, 0xBC, 0xDE, 0xF0,
    ];

    [Test]
    public void The_reference_is_that_of_the_standard() =>
        // The check value of CRC-32C (RFC 3720 appendix B.4 has further ones: 32 zeros).
        Assert.That((Crc32c([.. "123456789"u8]), Crc32c(new byte[32])), Is.EqualTo((0xE3069283u, 0x8A9136AAu)));

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(7)]
    [TestCase(1400)]
    public async Task Its_CRC32c_is_finished(int more)
    {
        byte[] packet = [.. Init, .. Enumerable.Range(0, more).Select(i => (byte)i)];
        byte[][] frames =
        [
            FrameBuilder.Ethernet(0x0800, FrameBuilder.Ipv4("10.57.0.1", "10.57.0.2", 132, packet)),
            FrameBuilder.Ethernet(0x86DD, FrameBuilder.Ipv6("fd57::1", "fd57::2", 132, packet)),
        ];
        byte[] expected = BitConverter.GetBytes(Crc32c(packet));
        var sent = frames.Select(Send).ToList();
        foreach ((byte[] frame, byte[] made) in frames.Zip(sent))
        {
            int field = frame.Length - packet.Length + 8;
            Assert.That(made[field..(field + 4)], Is.EqualTo(expected));
            expected.CopyTo(frame, field);
            Assert.That(made, Is.EqualTo(frame), "nothing else changes");
        }

        foreach (DecodedFrame decoded in await Pcap.DecodeAsync(sent)) Assert.That(decoded.Protocols, Does.Contain("sctp"));
    }

    private static byte[] Send(byte[] frame)
    {
        int start = frame[12] == 8 ? 34 : 54;
        return RecordingTransport.SentOf(frame, new Frame
        {
            LinkIndex = 3,
            Headroom = 64,
            Offload = new FrameOffload { NeedsChecksum = true, ChecksumStart = (ushort)start, ChecksumOffset = 8 },
        }).Single();
    }

    /// <summary>Bit by bit, as RFC 9260 appendix A describes it.</summary>
    private static uint Crc32c(byte[] bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
        }

        return ~crc;
    }
}
