using HostAgent.Links;

namespace HostAgent.Tunnel;

/// <summary>What one link showed of each direction, counted by each shard in its own place.</summary>
internal sealed unsafe class LinkDirections(int shards)
{
    private const int AckFlag = 0x10;
    private const int FlagsOffset = 13;

    /// <summary>Longs between the places of two shards, so that these share no cache line.</summary>
    private const int Stride = 16;

    private readonly long[] _counts = new long[shards * Stride];

    public void Seen(int shard, in Capture.Frame frame, in FrameLayout layout)
    {
        if (layout.Protocol != FrameParser.ProtocolTcp || layout.Transport == 0 || layout.Transport + FlagsOffset >= frame.Length) return;
        int at = shard * Stride;
        if (frame.ToPod) _counts[at + 1]++;
        else if ((frame.Start[layout.Transport + FlagsOffset] & AckFlag) != 0) _counts[at]++;
    }

    public DirectionCounts Read()
    {
        long answered = 0, toPod = 0;
        for (int at = 0; at < _counts.Length; at += Stride)
        {
            answered += Volatile.Read(ref _counts[at]);
            toPod += Volatile.Read(ref _counts[at + 1]);
        }

        return new DirectionCounts(answered, toPod);
    }
}
