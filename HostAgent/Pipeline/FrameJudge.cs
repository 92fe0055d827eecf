using System.Net;
using System.Net.Sockets;
using HostAgent.Accounts;
using HostAgent.Capture;
using HostAgent.Filters;
using HostAgent.Frames;
using HostAgent.Selection;
using HostAgent.Sensors;
using HostAgent.Tunnel;
using static HostAgent.Interop.LinuxIfEther;
using static HostAgent.Interop.NetinetIn;

namespace HostAgent.Pipeline;

/// <summary>
/// Decides for each frame of one shard whether it goes to a sensor, to which, and if not, why. Runs on one thread at a time; nothing is
/// allocated, locked or logged for a frame.
/// </summary>
internal sealed unsafe class FrameJudge(ShardLedger ledger, int shard, FrameFilter? filter)
{
    private readonly DuplicateFilter _duplicates = new();
    private ShardPlan _plan = ShardPlan.Nothing;
    private FlowLimits? _limits;

    /// <summary>From the next frame on, this is what holds.</summary>
    public void Adopt(ShardPlan plan)
    {
        _plan = plan;
        foreach (Transport transport in plan.Transports) transport.Witness = _duplicates.OwnDatagrams;
        // Its table is large: it is there when a rule needs it.
        _limits = plan.Links.Links.Any(link => link.LimitsFlows) ? _limits ?? new FlowLimits(ledger) : null;
        _limits?.Heavy.Keep(plan.Links);
    }

    /// <summary>The flows of which the kernel need not copy more than their ends.</summary>
    public ReadOnlySpan<LinkFlow> LookAtHeavyFlows()
    {
        _limits?.Heavy.Age();
        return _limits?.Heavy.Listed;
    }

    /// <summary>The rules, in their order; the first that gives a reason decides. Null: the frame is to be sent.</summary>
    public LossReason? Judge(ref Frame frame, MirroredLink link, ref FrameLayout layout)
    {
        LossReason? unread = Truncated(frame) ?? WithoutRoomForItsTag(ref frame) ?? Unwanted(frame, link);
        if (unread is not null) return unread;
        layout = FrameParser.Parse(frame.Start, frame.Length);
        LinkCounters onLink = link.Shards[shard];
        // A filter may want one direction only.
        if (link.Filter is null && IsAcknowledgement(frame, layout)) onLink.SeenAcknowledgement(frame.ToPod);
        if (_plan.Transports.IsEmpty) return LossReason.NoSensor;
        Transport transport = TransportOf(layout);
        if (!transport.IsOpen) return LossReason.NoSensor;
        if (OfTheTunnel(frame, layout, link) is LossReason own) return own;
        uint hash = FrameParser.SecretHashOf(frame.Start, layout);
        if (!IsExempt(frame, link) && (OutsideTheSample(layout, link) ?? BeyondItsLimits(frame, layout, link, hash)) is LossReason unasked)
            return unasked;

        int part = FlowPart.Of(hash);
        long cost = LinkLoad.Cost(frame.Length + frame.Missing, SegmentSize(frame, layout, transport));
        if (onLink.Load.Sheds(part, cost) || frame.HeadOnly) return LossReason.Overload;
        if (transport.GivesUp(part, cost))
        {
            onLink.Load.Spare(part, cost);
            return LossReason.SensorSlow;
        }

        if (!IsCopy(frame, layout, link, onLink)) return null;
        onLink.Load.Spare(part, cost);
        return LossReason.Duplicate;
    }

    private static int SegmentSize(in Frame frame, in FrameLayout layout, Transport transport) => frame.Offload.SegmentSize == 0
        ? 0
        : Math.Max(1, transport.SegmentSize(frame.Offload, layout.Transport));

    private static LossReason? Truncated(in Frame frame) => frame.Missing > 0 && !frame.HeadOnly ? LossReason.Truncated : null;

    private static LossReason? WithoutRoomForItsTag(ref Frame frame) =>
        frame.VlanTag != 0 && !frame.TryInsertVlanTag() ? LossReason.Malformed : null;

    // Whatever the kernel has decided: it may have had no room for the filter, and does not see a tag that was beside the frame. Of a head
    // too little is there to judge.
    private LossReason? Unwanted(in Frame frame, MirroredLink link) =>
        !frame.HeadOnly && (IsRejected(filter, frame) || IsRejected(link.Filter, frame)) ? LossReason.Filter : null;

    private static bool IsRejected(FrameFilter? by, in Frame frame) => by is not null && !by.Matches(frame.Start, frame.Length);

    private LossReason? OfTheTunnel(in Frame frame, in FrameLayout layout, MirroredLink link)
    {
        OwnDatagrams own = _duplicates.OwnDatagrams;
        own.Now = frame.Timestamp;
        return frame.ToPod && layout.Protocol == IPPROTO_UDP
            && LooksOwn(frame, layout) && own.Explains(frame, layout, link.Index)
            ? LossReason.OwnTunnel
            : null;
    }

    // Of a head as far as it goes: the headers are there.
    private static bool IsExempt(in Frame frame, MirroredLink link) =>
        link.Always is { } always && always.Matches(frame.Start, frame.Length);

    // What is not IP (ARP) is little, and tells of attacks that no flow shows.
    private static LossReason? OutsideTheSample(in FrameLayout layout, MirroredLink link) =>
        !link.Sample.IsWhole && layout.Network > 0 && !link.Sample.Holds(layout.FlowHash) ? LossReason.Sample : null;

    private LossReason? BeyondItsLimits(in Frame frame, in FrameLayout layout, MirroredLink link, uint hash)
    {
        if (frame.Unseen > 0) ledger.Unseen(frame.Unseen);
        if (link.LimitsFlows) return _limits!.Judge(frame, layout, link, hash);
        // A moment ago, its link had limits.
        return frame.Unseen > 0 ? LossReason.Slice : null;
    }

    /// <summary>Takes note of a frame that enters, and tells whether one that leaves is its copy.</summary>
    private bool IsCopy(in Frame frame, in FrameLayout layout, MirroredLink link, LinkCounters onLink)
    {
        if (frame.ToPod) return _plan.Links.HasSeveral && _duplicates.IsDuplicate(frame, layout, link, onLink.PodMac);
        if (frame.Length >= ETH_HLEN) onLink.PodMac = FrameParser.MacAt(frame.Start + 6);
        if (_plan.Links.HasSeveral) _duplicates.Entered(frame, layout, link);
        return false;
    }

    /// <summary>To whom the frame goes that is to be sent.</summary>
    public Transport TransportOf(in FrameLayout layout) => _plan.Transports[SensorOf(layout.FlowHash)];

    // Source ports are taken from the hash's upper bits, sensors from its lower ones, so that each sensor sees all ports.
    private int SensorOf(uint flowHash) => _plan.Transports.Length == 1 ? 0 : (int)((ushort)flowHash % (uint)_plan.Transports.Length);

    private static bool IsAcknowledgement(in Frame frame, in FrameLayout layout) => layout.Protocol == IPPROTO_TCP
        && layout.Transport > 0 && layout.Transport + TcpHeader.Flags < frame.Length
        && (frame.Start[layout.Transport + TcpHeader.Flags] & TcpHeader.Ack) != 0;

    /// <summary>
    /// Whether the frame has the addresses and ports of the agent's own datagrams, which a bridge may flood onto captured links.
    /// </summary>
    private bool LooksOwn(in Frame frame, in FrameLayout layout)
    {
        for (int i = 0; i < _plan.Sensors.Length; i++)
        {
            SensorEndpoint sensor = _plan.Sensors[i];
            if (layout.DestinationPort != sensor.Port || !_plan.Transports[i].SendsFrom(layout.SourcePort)) continue;
            bool v6 = layout.EtherType == ETH_P_IPV6;
            if (v6 != (sensor.Address.AddressFamily == AddressFamily.InterNetworkV6)) continue;
            byte* addresses = frame.Start + layout.Network + IpHeader.Addresses(v6);
            int size = v6 ? 16 : 4;
            if (Is(sensor.Source, addresses, size) && Is(sensor.Address, addresses + size, size)) return true;
        }

        return false;
    }

    private static bool Is(IPAddress address, byte* at, int size)
    {
        Span<byte> bytes = stackalloc byte[16];
        return address.TryWriteBytes(bytes, out _) && bytes[..size].SequenceEqual(new ReadOnlySpan<byte>(at, size));
    }
}
