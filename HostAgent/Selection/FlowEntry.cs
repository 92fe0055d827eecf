namespace HostAgent.Selection;

/// <summary>What is known of one flow, in 16 bytes: four of them are a cache line.</summary>
internal struct FlowEntry
{
    /// <summary>How many bits a time in nanoseconds is shifted to be one of the table's, which are of about a millisecond.</summary>
    public const int TickBits = 20;

    private const uint TcpIdle = (uint)(300_000_000_000 >> TickBits), OtherIdle = (uint)(60_000_000_000 >> TickBits);

    // A clock that was set back by more tells nothing of the flow any more.
    private const int Back = (int)(10_000_000_000 >> TickBits);

    private const ulong Refusal = 1ul << 63, End = 1ul << 62, Tcp = 1ul << 61, ByteMask = Tcp - 1;

    private uint _tag;
    private uint _seen;
    private ulong _state;

    /// <summary>The entry of no flow.</summary>
    public readonly bool IsFree => _tag == 0;

    /// <summary>The bytes of both directions so far.</summary>
    public readonly long Bytes => (long)(_state & ByteMask);

    /// <summary>Whether its pod's rate had no room for it.</summary>
    public readonly bool Refused => (_state & Refusal) != 0;

    /// <summary>Whether one of its sides has ended it, or both.</summary>
    public readonly bool Ended => (_state & End) != 0;

    /// <summary>A tag is never 0.</summary>
    public readonly bool Is(uint tag) => _tag == tag;

    /// <summary>Ticks since its last frame; below 0 where the clock was set back, or shards are not at the same point.</summary>
    public readonly int Age(uint now) => (int)(now - _seen);

    /// <summary>Silent for so long that what comes now is another flow.</summary>
    public readonly bool IsIdle(uint now) => Age(now) is var age && (age < -Back || age > (int)((_state & Tcp) != 0 ? TcpIdle : OtherIdle));

    public void Begin(uint tag, uint now, bool tcp) => (_tag, _seen, _state) = (tag, now, tcp ? Tcp : 0);

    public void Touch(uint now) => _seen = now;

    public void Add(int bytes) => _state += (uint)bytes;

    public void Refuse() => _state |= Refusal;

    public void Finish() => _state |= End;
}
