using HostAgent.Accounts;
using HostAgent.Capture;
using HostAgent.Frames;
using static HostAgent.Interop.NetinetIn;

namespace HostAgent.Selection;

/// <summary>
/// How much of each flow is wanted: its first bytes (slice), and what its pod's rate has room for. A flow is one of its link: a flow
/// between two captured pods is counted on both links, by the same frames, so both come to the same answer; where they do not, one copy is
/// delivered. One thread.
/// </summary>
/// <param name="ledger">Counts what makes room in the table.</param>
internal sealed unsafe class FlowLimits(ShardLedger ledger)
{
    private readonly FlowTable _flows = new(ledger);

    /// <summary>What the kernel need not copy.</summary>
    public HeavyFlows Heavy { get; } = new();

    /// <summary>Takes note of a frame, and says why it is not wanted; null when it is.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="layout">Its headers.</param>
    /// <param name="link">Where it was captured; its <see cref="MirroredLink.LimitsFlows"/> is true.</param>
    /// <param name="hash"><see cref="FrameParser.SecretHashOf"/>.</param>
    public LossReason? Judge(in Frame frame, in FrameLayout layout, MirroredLink link, uint hash)
    {
        int bytes = frame.Length + frame.Missing;
        // What is not IP (ARP) is no flow, and goes as long as there is any room.
        if (layout.Network == 0)
            return link.Bucket?.TryTake(frame.Timestamp, bytes, 1, 0, isNew: false) == false ? LossReason.Rate : null;

        bool tcp = layout.Protocol == IPPROTO_TCP;
        int flags = tcp ? FlagsOf(frame, layout) : 0;
        bool ends = (flags & TcpHeader.Ends) != 0;
        ulong key = KeyedHash.Mix(((ulong)hash << 32) | layout.FlowHash, link.FlowKey);
        ref FlowEntry flow = ref _flows.Find(key, frame.Timestamp, tcp, (flags & (TcpHeader.Syn | TcpHeader.Ack)) == TcpHeader.Syn);
        long before = flow.Bytes;
        flow.Add(bytes);
        if ((flags & (TcpHeader.Fin | TcpHeader.Rst)) != 0) flow.Finish();

        LossReason? loss = null;
        if (frame.Unseen > 0) loss = flow.Refused ? LossReason.Rate : LossReason.Slice;
        else if (link.Slice > 0 && before >= link.Slice && !ends) loss = LossReason.Slice;
        else if (link.Bucket is { } bucket && !IsAdmitted(ref flow, frame, bytes, bucket, before)) loss = LossReason.Rate;

        if (ends) Heavy.Forget(key);
        else if (loss is not null) Heavy.Note(key, new LinkFlow(link.Index, hash), LinkLoad.Cost(bytes, 0) * (1 + frame.Unseen));
        return loss;
    }

    /// <summary>A flow that is refused stays so while it runs: a sensor makes nothing of a flow with holes.</summary>
    private static bool IsAdmitted(ref FlowEntry flow, in Frame frame, int bytes, TokenBucket bucket, long before)
    {
        if (flow.Refused) return false;
        int segment = frame.Offload.SegmentSize, packets = segment == 0 ? 1 : ((bytes - 1) / segment) + 1;
        if (bucket.TryTake(frame.Timestamp, bytes, packets, before, isNew: before == 0)) return true;
        flow.Refuse();
        return false;
    }

    /// <summary>0 when they are not in the frame.</summary>
    private static int FlagsOf(in Frame frame, in FrameLayout layout) =>
        layout.Transport > 0 && layout.Transport + TcpHeader.Flags < frame.Length ? frame.Start[layout.Transport + TcpHeader.Flags] : 0;
}
