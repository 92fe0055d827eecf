using System.Runtime.InteropServices;
using static HostAgent.Interop.SysSocket;

namespace HostAgent.Tunnel;

/// <summary>
/// Records that a stream's reader has not made room for yet, in memory of fixed size, and the frames that end with them. One thread.
/// </summary>
internal sealed unsafe class StreamBacklog : IDisposable
{
    private const int Capacity = 4 << 20;
    private const int MaxRecords = 1 << 14;

    private readonly byte* _bytes = (byte*)NativeMemory.Alloc(Capacity);
    private readonly Waiting[] _records = new Waiting[MaxRecords];
    private long _read, _written, _border;
    private int _first, _count;

    public bool IsEmpty => _written == _read;

    /// <summary>Bytes that wait.</summary>
    public long Bytes => _written - _read;

    /// <summary>How full it is, 0 to 1.</summary>
    public double Fill => Math.Max((double)(_written - _read) / Capacity, (double)_count / MaxRecords);

    /// <summary>Whether the record at its head is in part taken out.</summary>
    public bool IsTorn => _read != _border;

    /// <summary>Bytes of the record that is the first to be taken out.</summary>
    public int LeftOfFirst => _count == 0 ? 0 : (int)(_records[_first].End - _read);

    public bool HasRoom(int records, int bytes) => _count + records <= MaxRecords && Capacity - (_written - _read) >= bytes;

    /// <summary>Adds bytes of a record that <see cref="Close"/> ends; there is room.</summary>
    public void Append(byte* from, int length)
    {
        int at = (int)(_written % Capacity), first = Math.Min(length, Capacity - at);
        Buffer.MemoryCopy(from, _bytes + at, first, first);
        Buffer.MemoryCopy(from + first, _bytes, length - first, length - first);
        _written += length;
    }

    /// <summary>All that was appended since the last time is one record.</summary>
    /// <param name="frame">The frame that is delivered with it; null when more of that is to come.</param>
    public void Close(SentFrame? frame) => _records[(_first + _count++) % MaxRecords] = new Waiting(frame, _written);

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

    /// <summary>Takes bytes out; the records are then to be taken by <see cref="TryTake"/>.</summary>
    public void Remove(long bytes) => _read += bytes;

    /// <summary>The next record of which all has been taken out.</summary>
    public bool TryTake(out Waiting record)
    {
        if (_count == 0 || _records[_first].End > _read)
        {
            record = default;
            return false;
        }

        record = _records[_first];
        _records[_first] = default;
        _first = (_first + 1) % MaxRecords;
        _count--;
        _border = record.End;
        return true;
    }

    public void Dispose() => NativeMemory.Free(_bytes);

    /// <param name="Frame">Null for a record that is not its frame's last.</param>
    /// <param name="End">Where it ends, in bytes ever appended.</param>
    public readonly record struct Waiting(SentFrame? Frame, long End);
}
