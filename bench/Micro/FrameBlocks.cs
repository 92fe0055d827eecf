using System.Net;
using HostAgent.Frames;
using HostAgent.Lab;

namespace HostAgent.Bench.Micro;

/// <summary>Blocks of equal frames, as the ring would hand them over.</summary>
internal static class FrameBlocks
{
    /// <summary>In each block.</summary>
    public const int Frames = 128;

    private const string Source = "10.0.0.1", Destination = "10.0.0.2";

    /// <summary>The link that they all come from.</summary>
    private const int LinkIndex = 7;

    /// <summary>A UDP frame with 64 bytes of payload, to port 53, without a checksum, so that its payload may be changed.</summary>
    public static byte[] SmallUdp()
    {
        byte[] frame = FrameBuilder.Ethernet(0x0800, FrameBuilder.Ipv4(
            Source, Destination, 17, FrameBuilder.Udp(Source, Destination, 40000, 53, new byte[64])));
        frame.AsSpan(40, 2).Clear();
        return frame;
    }

    /// <param name="kind">Its content.</param>
    /// <param name="givenBack">Told each time the block is given back.</param>
    /// <param name="frames">How many.</param>
    public static MemoryBlock Of(FrameKind kind, Action? givenBack = null, int frames = Frames)
    {
        var block = new MemoryBlock(givenBack);
        var frame = new Frame { LinkIndex = LinkIndex };
        if (kind == FrameKind.SmallUdp)
        {
            block.Add(SmallUdp(), frame, frames);
            return block;
        }

        // With room for a timestamp option; without a segment size it is an ordinary segment.
        CraftedFrame tcp = kind == FrameKind.TcpSegment
            ? CraftedFrame.Tcp("", new(Source), 1448, 0, options: new byte[12])
            : CraftedFrame.Tcp("", new(Source), 45 * 1448, 1448, options: new byte[12]);
        block.Add(tcp.Bytes, frame with { Offload = tcp.Offload }, frames);
        return block;
    }
}
