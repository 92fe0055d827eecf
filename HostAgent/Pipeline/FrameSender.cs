using HostAgent.Accounts;
using HostAgent.Capture;
using HostAgent.Filters;
using HostAgent.Frames;
using HostAgent.Selection;
using HostAgent.Tunnel;

namespace HostAgent.Pipeline;

/// <summary>
/// Sends the frames of one shard that the <see cref="FrameJudge"/> lets pass, and keeps the account of all. Runs on one thread at a time;
/// nothing is allocated, locked or logged for a frame.
/// </summary>
internal sealed unsafe class FrameSender(ShardLedger ledger, int shard, FrameFilter? filter = null)
{
    private readonly Lock _exchange = new();
    private readonly FrameJudge _judge = new(ledger, shard, filter);
    private ShardPlan _next = ShardPlan.Nothing;
    private ShardPlan _plan = ShardPlan.Nothing;
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
            _judge.Adopt(_plan);
            Shedder.Watch([.. _plan.Links.Links.Select(link => link.Shards[shard].Load)]);
        }

        // Here and nowhere else: a plan comes every few seconds, and nothing waits in a batch.
        _plan.Canary?.SendIfDue(_plan.Transports.AsSpan());
    }

    /// <inheritdoc cref="FrameJudge.LookAtHeavyFlows"/>
    public ReadOnlySpan<LinkFlow> LookAtHeavyFlows() => _judge.LookAtHeavyFlows();

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
            LossReason? judged = _judge.Judge(ref frame, link, ref layout);
            if (judged is null)
            {
                transport = _judge.TransportOf(layout);
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
}
