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
}
