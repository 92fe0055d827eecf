namespace HostAgent.Relay;

/// <summary>A record where it lies, until its output is flushed.</summary>
/// <param name="block">The enhanced packet block.</param>
/// <param name="length">Its bytes.</param>
/// <param name="frame">The frame inside it.</param>
/// <param name="frameLength">The frame's bytes.</param>
/// <param name="timestamp">Nanoseconds of Unix time.</param>
internal readonly unsafe ref struct ReceivedRecord(byte* block, int length, byte* frame, int frameLength, long timestamp)
{
    public byte* Block => block;

    public int Length => length;

    public byte* Frame => frame;

    public int FrameLength => frameLength;

    public long Timestamp => timestamp;
}
