using HostAgent.Frames;

namespace HostAgent.Replay;

/// <summary>A frame of a capture file. Its bytes are valid until the next one is read.</summary>
internal unsafe struct RecordedFrame
{
    /// <summary>The first byte of the Ethernet header.</summary>
    public byte* Start;

    /// <summary>Bytes at <see cref="Start"/>.</summary>
    public int Length;

    /// <summary>Bytes that it had on the wire beyond <see cref="Length"/>: the capture was made with a snapshot length.</summary>
    public int Missing;

    /// <summary>When it was captured: nanoseconds of Unix time.</summary>
    public long Timestamp;

    /// <summary>The frame as if it were captured.</summary>
    /// <param name="link">The ifindex that it is said to be from.</param>
    /// <param name="now">When: nanoseconds of Unix time.</param>
    public readonly Frame At(int link, long now) =>
        new() { Start = Start, Length = Length, Missing = Missing, LinkIndex = link, Timestamp = now };
}
