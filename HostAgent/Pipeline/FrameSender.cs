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
/// The decisions for each frame of one shard: whose it is, whether and to which sensor it goes, and the account of it. Runs on one thread
/// at a time; nothing is allocated, locked or logged for a frame.
/// </summary>
internal sealed unsafe class FrameSender(ShardLedger ledger, int shard, FrameFilter? filter = null)
{
    private const int VlanTag = 4;
    private const int MacAddresses = 2 * ETH_ALEN;

    private readonly Lock _exchange = new();
    private readonly DuplicateFilter _duplicates = new();
    private ShardPlan _next = ShardPlan.Nothing;
    private ShardPlan _plan = ShardPlan.Nothing;
    private FlowLimits? _limits;
    private int _flushWithin = int.MaxValue;

    /// <summary>The plan from the next block on. Any thread may set it; transports that no plan has any more are disposed.</summary>
    public ShardPlan Plan
    {
        set
        {
            lock (_exchange)
            {
                // A plan that was replaced before it came into use: its transports are nobody's.
                if (!ReferenceEquals(_next, _plan)) DisposeTransports(_next, value, _plan);
                Volatile.Write(ref _next, value);
            }
        }
    }

    /// <summary>Milliseconds after which it is to be given a block even if that has no frames; <see cref="int.MaxValue"/> for
    /// never.</summary>
    public int FlushWithin => ReferenceEquals(Volatile.Read(ref _next), Volatile.Read(ref _plan)) ? Volatile.Read(ref _flushWithin) : 0;

    /// <summary>What it gives up when it cannot keep up.</summary>
    public FlowShedder Shedder { get; } = new();

    /// <summary>Sends every frame of the block. When it returns, nothing refers to the block's memory any more.</summary>
    public void Send(FrameBlock block)
    {
        AdoptPlan();
        try
        {
            while (block.TryRead(out Frame frame)) Send(ref frame);
        }
        catch
        {
            // The frame at hand is accounted for. Those behind it are not; what was added before is still settled below.
            int left = 0;
            while (block.TryRead(out _)) left++;
            ledger.Lost(LossReason.Fault, left);
            throw;
        }
        finally
        {
            int within = int.MaxValue;
            foreach (Transport transport in _plan.Transports)
            {
                transport.Flush();
                within = Math.Min(within, transport.FlushWithin);
            }

            Volatile.Write(ref _flushWithin, within);
        }
    }

    /// <summary>Takes the new plan, if there is one, and closes the transports that only the former one had.</summary>
    public void AdoptPlan()
    {
        if (ReferenceEquals(Volatile.Read(ref _next), _plan)) return;
        lock (_exchange)
        {
            DisposeTransports(_plan, _next, _next);
            _plan = _next;
            foreach (Transport transport in _plan.Transports) transport.Witness = _duplicates.OwnDatagrams;
            Shedder.Watch([.. _plan.Links.Links.Select(link => link.Shards[shard].Load)]);
            // Its table is large: it is there when a rule needs it.
            _limits = _plan.Links.Links.Any(link => link.LimitsFlows) ? _limits ?? new FlowLimits(ledger) : null;
            _limits?.Heavy.Keep(_plan.Links);
        }

        // Here and nowhere else: a plan comes every few seconds, and nothing waits in a batch.
        _plan.Canary?.SendIfDue(_plan.Transports.AsSpan());
    }

    /// <summary>The flows of which the kernel need not copy more than their ends.</summary>
    public ReadOnlySpan<LinkFlow> LookAtHeavyFlows()
    {
        _limits?.Heavy.Age();
        return _limits?.Heavy.Listed;
    }

    private static void DisposeTransports(ShardPlan of, ShardPlan unlessIn, ShardPlan orIn)
    {
        foreach (Transport transport in of.Transports)
        {
            if (!unlessIn.Transports.Contains(transport) && !orIn.Transports.Contains(transport)) transport.Dispose();
        }
    }

    /// <summary>Whatever becomes of the frame, it is on the ledger once when this ends, also by an exception.</summary>
    private void Send(ref Frame frame)
    {
        MirroredLink? link = _plan.Links.Find(frame.LinkIndex);
        if (link is null || link.IsBefore(frame.Timestamp))
        {
            ledger.Lost(LossReason.OutOfScope);
            return;
        }

        link.Pod.Counters(shard).Seen(frame.Length + frame.Missing);
        FrameLayout layout = default;
        Transport? transport = null;
        SendBatch? batch = null;
        LossReason? loss = LossReason.Fault;
        try
        {
            LossReason? judged = Judge(ref frame, link, ref layout);
            if (judged is null)
            {
                transport = _plan.Transports[SensorOf(layout.FlowHash)];
                batch = transport.BatchOf(layout.FlowHash);
                batch.BeginFrame(link, frame.Length, frame.Timestamp);
            }

            loss = judged;
        }
        finally
        {
            if (loss is LossReason reason) Lose(link, reason);
        }

        // From here on the batch answers for it.
        if (batch is not null) Forward(ref frame, layout, link, transport!, batch);
    }

    /// <summary>The rules, in their order; the first that gives a reason decides. Null: the frame is to be sent.</summary>
    private LossReason? Judge(ref Frame frame, MirroredLink link, ref FrameLayout layout)
    {
        LossReason? unread = Truncated(frame) ?? WithoutRoomForItsTag(ref frame) ?? Unwanted(frame, link);
        if (unread is not null) return unread;
        layout = FrameParser.Parse(frame.Start, frame.Length);
        LinkCounters onLink = link.Shards[shard];
        // A filter may want one direction only.
        if (link.Filter is null && IsAcknowledgement(frame, layout)) onLink.SeenAcknowledgement(frame.ToPod);
        if (_plan.Transports.IsEmpty) return LossReason.NoSensor;
        Transport transport = _plan.Transports[SensorOf(layout.FlowHash)];
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
        frame.VlanTag != 0 && !TryInsertVlanTag(ref frame) ? LossReason.Malformed : null;

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

    private static void Forward(ref Frame frame, in FrameLayout layout, MirroredLink link, Transport transport, SendBatch batch)
    {
        LossReason? loss = LossReason.Fault;
        try
        {
            loss = Segmenter.Add(ref frame, layout, transport, batch, link.Vni);
        }
        finally
        {
            batch.EndFrame(loss);
        }
    }

    private void Lose(MirroredLink link, LossReason reason)
    {
        ledger.Lost(reason);
        link.Pod.Counters(shard).NotSent(reason);
    }

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

    /// <summary>Puts a tag that travelled beside the frame back to where the wire has it.</summary>
    /// <returns>False when there is no room for it.</returns>
    public static bool TryInsertVlanTag(ref Frame frame)
    {
        if (frame.Headroom < VlanTag || frame.Length < MacAddresses) return false;
        byte* to = frame.Start - VlanTag;
        Buffer.MemoryCopy(frame.Start, to, MacAddresses, MacAddresses);
        BigEndian.Write32(to + MacAddresses, frame.VlanTag);
        frame.Start = to;
        frame.Length += VlanTag;
        frame.Headroom -= VlanTag;
        FrameOffload offload = frame.Offload;
        frame.Offload = offload with { ChecksumStart = (ushort)(offload.ChecksumStart + (offload.NeedsChecksum ? VlanTag : 0)) };
        frame.VlanTag = 0;
        return true;
    }
}
