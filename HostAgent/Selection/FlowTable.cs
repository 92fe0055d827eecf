using HostAgent.Accounts;

namespace HostAgent.Selection;

/// <summary>
/// The flows of one shard, each with its bytes so far. Of fixed size: of four flows that share a place the one that ended, else the one
/// that was silent for longest makes room for a fifth, and begins anew with its next frame, so that more of it is delivered. The keys have
/// a secret, so no pod can choose whose place its flows take. One thread.
/// </summary>
internal sealed class FlowTable
{
    private const int Ways = 4;
    private const int SetBits = 15;
    private const int Sets = 1 << SetBits;
    private const int CacheLine = 64;

    private readonly FlowEntry[] _entries = GC.AllocateArray<FlowEntry>((Sets + 1) * Ways, pinned: true);
    private readonly ShardLedger _ledger;
    private readonly int _first;

    /// <param name="ledger">Counts the running flows that make room for others.</param>
    public unsafe FlowTable(ShardLedger ledger)
    {
        _ledger = ledger;
        // A set is a cache line.
        fixed (FlowEntry* start = _entries) _first = (int)((CacheLine - ((nuint)start % CacheLine)) % CacheLine) / sizeof(FlowEntry);
    }

    /// <summary>The entry of a flow, one without bytes when it is new.</summary>
    /// <param name="key">All 64 bits of it are of a keyed hash.</param>
    /// <param name="timestamp">Nanoseconds, of the clock that frames have.</param>
    /// <param name="tcp">Flows of TCP may be silent for 300 s, others for 60 s.</param>
    /// <param name="begins">The frame begins a new connection with the same addresses and ports.</param>
    public ref FlowEntry Find(ulong key, long timestamp, bool tcp, bool begins)
    {
        uint now = (uint)(timestamp >> FlowEntry.TickBits), tag = (uint)(key >> 32) | 1;
        Span<FlowEntry> ways = _entries.AsSpan(_first + ((int)(key & (Sets - 1)) * Ways), Ways);
        for (int i = 0; i < ways.Length; i++)
        {
            ref FlowEntry entry = ref ways[i];
            if (!entry.Is(tag)) continue;
            if (begins || entry.IsIdle(now)) entry.Begin(tag, now, tcp);
            else entry.Touch(now);
            return ref entry;
        }

        ref FlowEntry made = ref MakeRoom(ways, now);
        made.Begin(tag, now, tcp);
        return ref made;
    }

    private ref FlowEntry MakeRoom(Span<FlowEntry> ways, uint now)
    {
        int oldest = 0, age = int.MinValue;
        for (int i = 0; i < ways.Length; i++)
        {
            if (ways[i].IsFree || ways[i].Ended || ways[i].IsIdle(now)) return ref ways[i];
            if (ways[i].Age(now) <= age) continue;
            (oldest, age) = (i, ways[i].Age(now));
        }

        _ledger.Evicted();
        return ref ways[oldest];
    }
}
