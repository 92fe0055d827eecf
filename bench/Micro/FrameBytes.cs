using System.Buffers.Binary;
using System.Net;
using HostAgent.Frames;

namespace HostAgent.Bench.Micro;

/// <summary>Frames as the ring would hand them over.</summary>
internal static class FrameBytes
{
    /// <summary>The address they all come from.</summary>
    public static IPAddress Source { get; } = IPAddress.Parse("10.0.0.1");

    /// <summary>An Ethernet, IPv4, UDP frame with a zero checksum.</summary>
    public static byte[] Udp(int payload, ushort sourcePort = 40000)
    {
        byte[] frame = new byte[14 + 20 + 8 + payload];
        Ip(frame, 17);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(34), sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(36), 53);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(38), (ushort)(8 + payload));
        return frame;
    }

    /// <summary>An Ethernet, IPv4, TCP frame with a timestamp option; longer than the MTU it is a super-frame.</summary>
    public static byte[] Tcp(int payload)
    {
        byte[] frame = new byte[14 + 20 + 32 + payload];
        Ip(frame, 6);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(34), 40000);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(36), 80);
        frame[46] = 0x80;
        frame[47] = 0x18;
        new Random(payload).NextBytes(frame.AsSpan(66));
        return frame;
    }

    /// <summary>What the kernel says of a TCP frame that came from a pod with offload on.</summary>
    public static FrameOffload TcpOffload(int segmentSize) => new()
    {
        NeedsChecksum = true,
        ChecksumStart = 34,
        ChecksumOffset = 16,
        Segmentation = segmentSize > 0 ? SegmentationKind.TcpV4 : SegmentationKind.None,
        SegmentSize = (ushort)segmentSize,
    };

    private static void Ip(byte[] frame, byte protocol)
    {
        frame[12] = 8;
        frame[14] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(16), (ushort)Math.Min(65535, frame.Length - 14));
        frame[22] = 64;
        frame[23] = protocol;
        Source.GetAddressBytes().CopyTo(frame, 26);
        new byte[] { 10, 0, 0, 2 }.CopyTo(frame, 30);
    }
}
