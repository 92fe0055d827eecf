namespace HostAgent.Frames;

/// <summary>A run of bytes outside the managed heap. (A span cannot be kept in a batch.)</summary>
internal readonly unsafe struct Bytes(byte* start, int length)
{
    public byte* Start { get; } = start;

    public int Length { get; } = length;

    /// <summary>
    /// What of the range [<paramref name="from"/>, <paramref name="from"/> + <paramref name="count"/>) lies within these bytes.
    /// </summary>
    public Bytes Within(int from, int count)
    {
        int begin = Math.Clamp(from, 0, Length), end = Math.Clamp(from + count, 0, Length);
        return new Bytes(Start + begin, end - begin);
    }
}
