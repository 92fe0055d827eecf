using System.Runtime.InteropServices;
using static HostAgent.Interop.SysSocket;

namespace HostAgent.Tunnel;

/// <summary>
/// Records that a stream's reader has not made room for yet, in memory of fixed size, and the frames that they are of. One thread.
/// </summary>
internal sealed unsafe class StreamBacklog : IDisposable
{
    private const int Capacity = 4 << 20;
    private const int MaxFrames = 1 << 14;

    private readonly byte* _bytes = (byte*)NativeMemory.Alloc(Capacity);
    private readonly Waiting[] _frames = new Waiting[MaxFrames];
    private long _read, _written, _border;
    private int _first, _count;

    public bool IsEmpty => _written == _read;

    /// <summary>Bytes that wait.</summary>
    public long Bytes => _written - _read;

    /// <summary>How full it is, 0 to 1.</summary>
    public double Fill => Math.Max((double)(_written - _read) / Capacity, (double)_count / MaxFrames);

    /// <summary>Whether the records at its head are in part taken out.</summary>
    public bool IsTorn => _read != _border;

    /// <summary>Bytes of the records that were added together and are the first to be taken out.</summary>
    public int LeftOfFirst => _count == 0 ? 0 : (int)(_frames[_first].End - _read);

    public bool HasRoom(int bytes) => _count < MaxFrames && Capacity - (_written - _read) >= bytes;

    /// <summary>Adds bytes of records that <see cref="Close"/> ends; there is room.</summary>
    public void Append(byte* from, int length)
    {
        int at = (int)(_written % Capacity), first = Math.Min(length, Capacity - at);
        Buffer.MemoryCopy(from, _bytes + at, first, first);
        Buffer.MemoryCopy(from + first, _bytes, length - first, length - first);
        _written += length;
    }

    /// <summary>All that was appended since the last time belongs together: it leaves without a record of others in between.</summary>
    /// <param name="frame">The frame that is delivered with it; null when more of it is to come.</param>
    /// <param name="records">How many records it is.</param>
    public void Close(SentFrame? frame, int records)
    {
        _frames[(_first + _count++) % MaxFrames] = new Waiting(frame, records, _written);
    }

    /// <summary>The first bytes, in one or two parts.</summary>
    /// <returns>How many parts.</returns>
    public int Peek(bool onlyFirst, iovec* parts)
    {
        int length = onlyFirst ? LeftOfFirst : (int)(_written - _read);
        int at = (int)(_read % Capacity), first = Math.Min(length, Capacity - at);
        parts[0] = new iovec { iov_base = _bytes + at, iov_len = (nuint)first };
        parts[1] = new iovec { iov_base = _bytes, iov_len = (nuint)(length - first) };
        return length > first ? 2 : 1;
    }

    /// <summary>Takes bytes out; the frames are then to be taken by <see cref="TryTake"/>.</summary>
    public void Remove(long bytes) => _read += bytes;

    /// <summary>The next frame of which all has been taken out.</summary>
    public bool TryTake(out Waiting frame)
    {
        if (_count == 0 || _frames[_first].End > _read)
        {
            frame = default;
            return false;
        }

        frame = _frames[_first];
        _frames[_first] = default;
        _first = (_first + 1) % MaxFrames;
        _count--;
        _border = frame.End;
        return true;
    }

    public void Dispose() => NativeMemory.Free(_bytes);

    /// <param name="Frame">Null for records of a frame that is not whole yet.</param>
    /// <param name="Records">How many.</param>
    /// <param name="End">Where they end, in bytes ever appended.</param>
    public readonly record struct Waiting(SentFrame? Frame, int Records, long End);
}
