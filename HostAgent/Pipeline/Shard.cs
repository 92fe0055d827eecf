using System.Diagnostics;
using System.Threading.Channels;
using HostAgent.Accounts;
using HostAgent.Capture;
using HostAgent.Selection;
using HostAgent.Tunnel;
using Microsoft.Extensions.Logging;

namespace HostAgent.Pipeline;

/// <summary>
/// One capture, one bounded channel of blocks, one sender. A thread reads the capture and writes the channel; the sender awaits it.
/// Continuations are synchronous: while the sender has nothing to do, writing a block to the channel runs the sender at once, on the
/// reading thread, which costs a tenth of waking another one; while it is busy, blocks queue up, and behind them the backlog stays in the
/// ring.
/// </summary>
internal sealed class Shard : IDisposable
{
    private const int IdleMilliseconds = 100;

    private readonly ICapture _capture;
    private readonly FrameSender _sender;
    private readonly ILogger _logger;
    private readonly Channel<FrameBlock> _blocks = Channel.CreateBounded<FrameBlock>(new BoundedChannelOptions(16)
    {
        SingleReader = true,
        SingleWriter = true,
        AllowSynchronousContinuations = true,
        FullMode = BoundedChannelFullMode.Wait,
    });

    private readonly Thread _reading;
    private readonly Task _sending;
    private volatile bool _stopping;
    private volatile bool _abandoned;
    private long _end;
    private Heartbeat? _heartbeat;

    // Ticks of Stopwatch: how long the reading thread has waited for blocks since the last look at the load, and when that was.
    private long _waited;
    private long _observed = Stopwatch.GetTimestamp();

    // Frames: what the kernel had seen at the last look, and what was read since.
    private long _seen;
    private long _read;

    public Shard(int number, ICapture capture, FrameSender sender, ILogger logger)
    {
        _capture = capture;
        _sender = sender;
        _logger = logger;
        _sending = SendAsync();
        _reading = new Thread(Read) { Name = $"capture-{number}", IsBackground = true };
    }

    /// <summary>Beaten by the reading thread, which comes round ten times a second even when there is nothing to read.</summary>
    public Heartbeat Heartbeat
    {
        set => Volatile.Write(ref _heartbeat, value);
    }

    public void Start() => _reading.Start();

    /// <summary>
    /// Sends what the ring still holds, then ends. The capture's links have been taken away before, so that the ring runs empty.
    /// </summary>
    public void Drain(TimeSpan limit)
    {
        Volatile.Write(ref _end, Environment.TickCount64 + (long)limit.TotalMilliseconds);
        _stopping = true;
        if (_reading.IsAlive) _reading.Join(limit);
        _sending.Wait(limit);
    }

    /// <summary>
    /// Ends without draining what <see cref="Drain"/> has not: nothing reads the capture's memory any more when this frees it.
    /// </summary>
    public void Dispose()
    {
        _abandoned = true;
        if (_reading.IsAlive) _reading.Join();
        _sender.Plan = ShardPlan.Nothing;
        _sender.AdoptPlan();
        _capture.Dispose();
    }

    private void Read()
    {
        while (!_abandoned)
        {
            long start = Stopwatch.GetTimestamp();
            int within = _sender.FlushWithin;
            FrameBlock? block = _capture.Next(Math.Clamp(within, 1, IdleMilliseconds));
            _waited += Stopwatch.GetTimestamp() - start;
            _read += block?.Count ?? 0;
            Volatile.Read(ref _heartbeat)?.Beat();
            Shed();
            if (block is null)
            {
                // What waits for a slow sensor has a last chance.
                if (_stopping && (within > Transport.Soon || Environment.TickCount64 >= Volatile.Read(ref _end))) break;
                if (within == int.MaxValue) continue;
                block = NoFrames.Instance;
            }

            // Wait mode: TryWrite is false when the channel is full, and then the reader waits; no block is ever dropped here.
            while (!_blocks.Writer.TryWrite(block)) _blocks.Writer.WaitToWriteAsync().AsTask().Wait();
        }

        _blocks.Writer.Complete();
    }

    /// <summary>Has flows given up or taken back. Silence counts as caught up, too.</summary>
    private void Shed()
    {
        FlowShedder shedder = _sender.Shedder;
        long now = Environment.TickCount64;
        if (!shedder.IsDue(now)) return;
        long time = Stopwatch.GetTimestamp();
        double busy = 1 - ((double)_waited / Math.Max(1, time - _observed));
        (_waited, _observed) = (0, time);
        CaptureStatistics kernel = _capture.ReadStatistics();
        double excess = (double)(kernel.Seen - _seen) / Math.Max(1, _read);
        (_seen, _read) = (kernel.Seen, 0);
        shedder.Observe(new RingLoad(_capture.Backlog, kernel.Overflows, Math.Max(1, excess), Math.Clamp(busy, 0, 1)), now);
        _capture.NeedHeadsOnly(shedder.Shed);
        _capture.NeedEndsOnly(_sender.LookAtHeavyFlows());
    }

    private async Task SendAsync()
    {
        // On the writer's thread, whatever context the shard was made in.
        while (await _blocks.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            while (_blocks.Reader.TryRead(out FrameBlock? block))
            {
                try
                {
                    _sender.Send(block);
                }
                catch (Exception e)
                {
                    _logger.LogError(
                        e, "Sending a block of {Frames} frames failed; those not sent yet are on the ledger as fault", block.Count);
                }
                finally
                {
                    block.Dispose();
                }
            }
        }

        // What waits here has had its time: it is settled.
        _sender.Plan = ShardPlan.Nothing;
        _sender.AdoptPlan();
    }
}
