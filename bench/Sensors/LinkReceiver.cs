using HostAgent.Capture;
using HostAgent.Frames;
using HostAgent.Interop;

namespace HostAgent.Bench.Sensors;

/// <summary>A sensor that sniffs its link through a ring large enough for any burst here.</summary>
internal sealed unsafe class LinkReceiver : IReceiver
{
    private const int WaitMilliseconds = 100;

    private readonly RingCapture _ring = new(new CaptureOptions(RingBytes: 256 << 20, BlockBytes: 1 << 20, BlockTimeoutMilliseconds: 4));

    /// <param name="link">A link of this process's namespace.</param>
    /// <param name="count">The first.</param>
    public LinkReceiver(string link, TunnelCount count)
    {
        Count = count;
        uint index = NetIf.if_nametoindex(link);
        if (index == 0) throw ErrnoException.Last("if_nametoindex", link);
        _ring.SetLinks([new((int)index)]);
    }

    public TunnelCount Count { get; set; }

    public long Dropped => _ring.ReadStatistics().Dropped;

    public bool Receive()
    {
        using FrameBlock? block = _ring.Next(WaitMilliseconds);
        if (block is null) return false;
        while (block.TryRead(out Frame frame))
        {
            // On lo each frame comes twice, once on its way out.
            if (frame.ToPod) continue;
            Count.Time = frame.Timestamp;
            Count.Take(new ReadOnlySpan<byte>(frame.Start, frame.Length));
        }

        return true;
    }

    public void Dispose() => _ring.Dispose();
}
