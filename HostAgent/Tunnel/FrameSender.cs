using System.Net;
using System.Net.Sockets;
using HostAgent.Capture;
using HostAgent.Observability;

namespace HostAgent.Tunnel;

/// <summary>
/// The decisions for each frame of one shard: whose it is, whether and to which sensor it goes, and the account of it. Runs on one thread
/// at a time; nothing is allocated, locked or logged for a frame.
/// </summary>
internal sealed unsafe class FrameSender(ShardLedger ledger, int shard, FrameFilter? filter = null)
{
    private const int VlanTag = 4;
    private const int MacAddresses = 12;
    private const int TcpFlags = 13;
    private const byte Acknowledgement = 0x10;

    private readonly Lock _exchange = new();
    private readonly DuplicateFilter _duplicates = new();
    private ShardPlan _next = ShardPlan.Nothing;
    private ShardPlan _plan = ShardPlan.Nothing;
    private bool _unaccounted;

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

    /// <summary>What it gives up when it cannot keep up.</summary>
    public FlowShedder Shedder { get; } = new();

    /// <summary>Sends every frame of the block. When it returns, nothing refers to the block's memory any more.</summary>
    public void Send(FrameBlock block)
    {
        AdoptPlan();
        try
        {
            while (block.TryRead(out Frame frame))
            {
                _unaccounted = true;
                Send(ref frame);
            }
        }
        catch
        {
            // The frame at hand, if no batch answers for it yet, and those behind it; what was added before is still settled below.
            int left = _unaccounted ? 1 : 0;
            while (block.TryRead(out _)) left++;
            ledger.Lost(LossReason.Fault, left);
            throw;
        }
        finally
        {
            foreach (Transport transport in _plan.Transports) transport.Flush();
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
        }
    }

    private static void DisposeTransports(ShardPlan of, ShardPlan unlessIn, ShardPlan orIn)
    {
        foreach (Transport transport in of.Transports)
        {
            if (!unlessIn.Transports.Contains(transport) && !orIn.Transports.Contains(transport)) transport.Dispose();
        }
    }

    private void Send(ref Frame frame)
    {
        MirroredLink? link = _plan.Links.Find(frame.LinkIndex);
        if (link is null || link.IsBefore(frame.Timestamp))
        {
            ledger.Lost(LossReason.OutOfScope);
            _unaccounted = false;
            return;
        }

        PodCounters counters = link.Pod.Counters(shard);
        counters.Seen(frame.Length + frame.Missing);
        if (frame.Missing > 0 && !frame.HeadOnly)
        {
            Lose(counters, LossReason.Truncated);
            return;
        }

        if (frame.VlanTag != 0 && !TryInsertVlanTag(ref frame))
        {
            Lose(counters, LossReason.Malformed);
            return;
        }

        // Whatever the kernel has decided: it may have had no room for the filter, and does not see a tag that was beside the frame. Of a head too
        // little is there to judge.
        if (filter is not null && !frame.HeadOnly && !filter.Matches(frame.Start, frame.Length))
        {
            // Not a loss to the pod: nobody wants it.
            ledger.Lost(LossReason.Filter);
            _unaccounted = false;
            return;
        }

        FrameLayout layout = FrameParser.Parse(frame.Start, frame.Length);
        if (IsAcknowledgement(frame, layout)) link.Shards[shard].SeenAcknowledgement(frame.ToPod);
        if (_plan.Transports.IsEmpty)
        {
            Lose(counters, LossReason.NoSensor);
            return;
        }

        OwnDatagrams own = _duplicates.OwnDatagrams;
        own.Now = frame.Timestamp;
        if (frame.ToPod && layout.Protocol == FrameParser.ProtocolUdp && LooksOwn(frame, layout) && own.Explains(frame, layout, link.Index))
        {
            Lose(counters, LossReason.OwnTunnel);
            return;
        }

        LinkCounters onLink = link.Shards[shard];
        int part = FrameParser.PartOf(frame.Start, layout);
        long cost = LinkLoad.Cost(frame.Length + frame.Missing, frame.Offload.SegmentSize);
        if (onLink.Load.Sheds(part, cost) || frame.HeadOnly)
        {
            Lose(counters, LossReason.Overload);
            return;
        }

        if (!frame.ToPod)
        {
            if (frame.Length >= FrameParser.EthernetHeader) onLink.PodMac = FrameParser.MacAt(frame.Start + 6);
            if (_plan.Links.HasSeveral) _duplicates.Entered(frame, layout, link);
        }
        else if (_plan.Links.HasSeveral && _duplicates.IsDuplicate(frame, layout, link, onLink.PodMac))
        {
            onLink.Load.Spare(part, cost);
            // Not a loss to the pod: the sensor has it from the other link.
            ledger.Lost(LossReason.Duplicate);
            _unaccounted = false;
            return;
        }

        Transport transport = _plan.Transports[SensorOf(layout.FlowHash)];
        SendBatch batch = transport.BatchOf(layout.FlowHash);
        batch.BeginFrame(link, frame.Length, frame.Timestamp);
        _unaccounted = false;
        LossReason? loss = LossReason.Fault;
        try
        {
            loss = Segmenter.Add(ref frame, layout, transport, batch, link.Vni);
        }
        finally
        {
            if (loss is LossReason reason) batch.AbandonFrame(reason);
            batch.EndFrame();
        }
    }

    private void Lose(PodCounters counters, LossReason reason)
    {
        ledger.Lost(reason);
        counters.LostOne();
        _unaccounted = false;
    }

    // Source ports are taken from the hash's upper bits, sensors from its lower ones, so that each sensor sees all ports.
    private int SensorOf(uint flowHash) => _plan.Transports.Length == 1 ? 0 : (int)((ushort)flowHash % (uint)_plan.Transports.Length);

    private static bool IsAcknowledgement(in Frame frame, in FrameLayout layout) => layout.Protocol == FrameParser.ProtocolTcp
        && layout.Transport > 0 && layout.Transport + TcpFlags < frame.Length && (frame.Start[layout.Transport + TcpFlags] & Acknowledgement) != 0;

    /// <summary>Whether the frame has the addresses and ports of the agent's own datagrams, which a bridge may flood onto captured links.</summary>
    private bool LooksOwn(in Frame frame, in FrameLayout layout)
    {
        for (int i = 0; i < _plan.Sensors.Length; i++)
        {
            SensorEndpoint sensor = _plan.Sensors[i];
            if (layout.DestinationPort != sensor.Port || !_plan.Transports[i].SendsFrom(layout.SourcePort)) continue;
            bool v6 = layout.EtherType == FrameParser.EtherTypeIPv6;
            if (v6 != (sensor.Address.AddressFamily == AddressFamily.InterNetworkV6)) continue;
            byte* addresses = frame.Start + layout.Network + (v6 ? 8 : 12);
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
    private static bool TryInsertVlanTag(ref Frame frame)
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
