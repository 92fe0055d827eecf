using HostAgent.Accounts;
using HostAgent.Selection;

namespace HostAgent.Tunnel;

/// <summary>A frame whose datagrams are on their way, for its account.</summary>
internal struct SentFrame
{
    public MirroredLink Link;
    public int Length;

    /// <summary>Nanoseconds of Unix time.</summary>
    public long Timestamp;

    /// <summary>Segments that share datagrams.</summary>
    public int Merged;

    public bool Fragmented;
    public bool Failed;

    /// <summary>True when somebody else than the batch settles it, later.</summary>
    public bool Taken;

    /// <summary>Of one that <see cref="Failed"/>.</summary>
    public LossReason Reason;

    public void Fail(LossReason reason)
    {
        if (!Failed) Reason = reason;
        Failed = true;
    }
}
