using HostAgent.Accounts;
using HostAgent.Capture;
using HostAgent.Filters;
using HostAgent.Frames;
using HostAgent.Interop;
using HostAgent.Pipeline;
using HostAgent.Tunnel;

namespace HostAgent.Tap;

/// <summary>
/// A ring of its own for the links of one pod, and a thread that takes their frames to the sinks. When a reader is slow it waits, and what
/// the ring has no room for meanwhile the kernel drops and counts. Nothing of the mirror's is touched.
/// </summary>
internal sealed unsafe class TapCapture : IDisposable
{
    // 16 MiB hold an eighth of a second at 1 Gbit/s; somebody looks on, so 20 ms are no delay.
    private static readonly CaptureOptions Shape = new(RingBytes: 16 << 20, BlockTimeoutMilliseconds: 20);

    private const int Interval = 100;

    // Behind all that mirrors, which may share the container's CPU with it.
    private const int Niceness = 10;

    private readonly ICapture _capture;
    private readonly FrameFilter? _filter;
    private readonly IReadOnlyList<ITapSink> _sinks;
    private readonly TapBatch _batch;
    private readonly TapTransport _transport;
    private readonly Func<bool> _isAbandoned;
    private readonly TaskCompletionSource<TapEnd> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Dictionary<int, TapLink> _links = [];
    private Plan? _next;
    private TapLink[] _current = [];
    private long _charged;
    private volatile bool _stopped;

    /// <param name="sinks">Where frames go.</param>
    /// <param name="filter">Which are wanted; null for all.</param>
    /// <param name="most">How many.</param>
    /// <param name="isAbandoned">Whether whoever reads has gone.</param>
    /// <exception cref="ErrnoException">EPERM without CAP_NET_RAW; ENOMEM without memory for the ring.</exception>
    public TapCapture(IReadOnlyList<ITapSink> sinks, FrameFilter? filter, long most, Func<bool> isAbandoned)
    {
        _capture = new RingCaptureFactory(Shape with { Filter = filter }).Open(1)[0];
        (_sinks, _filter, _isAbandoned) = (sinks, filter, isAbandoned);
        _batch = new TapBatch(sinks, most);
        _transport = new TapTransport(_batch);
    }

    /// <summary>Completes when all that was captured has been given to the sinks, or one of them failed.</summary>
    public Task<TapEnd> Ended => _ended.Task;

    /// <summary>Every link that was tapped; to be read when it has ended.</summary>
    public IReadOnlyCollection<TapLink> Links => _batch.Links;

    public void Start() => new Thread(Run) { IsBackground = true, Name = "tap" }.Start();

    /// <summary>From now on these links are the pod's. Any thread may call it.</summary>
    /// <returns>Completes when their frames are captured, or all has ended.</returns>
    public Task FollowAsync(TapLink[] links)
    {
        var plan = new Plan(links, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        Volatile.Write(ref _next, plan);
        return Task.WhenAny(plan.Adopted.Task, Ended);
    }

    /// <summary>No frame after this moment is wanted. Any thread may call it.</summary>
    public void Stop() => _stopped = true;

    public void Dispose()
    {
        _capture.Dispose();
        _transport.Dispose();
    }

    private void Run()
    {
        try
        {
            _ = SysResource.setpriority(SysResource.PRIO_PROCESS, 0, Niceness);
            bool read = true;
            while (read && !_stopped && !_batch.IsEnough)
            {
                Adopt();
                Take(Interval);
                read = Flush() && !_isAbandoned();
            }

            _capture.SetLinks([]);
            while (read && !_batch.IsEnough && Take(Interval)) read = Flush();
            Charge();
            foreach (ITapSink sink in _sinks) read &= sink.End(_batch.Links);
            _ended.SetResult(_batch.IsEnough ? TapEnd.Enough : read ? TapEnd.Stopped : TapEnd.Abandoned);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            _ended.SetException(e);
        }
    }

    private bool Flush()
    {
        bool read = true;
        foreach (ITapSink sink in _sinks) read &= sink.Flush();
        return read;
    }

    private void Adopt()
    {
        if (Interlocked.Exchange(ref _next, null) is not { } plan) return;
        Charge();
        _current = plan.Links;
        // What the former ones have in the ring is theirs still, unless a new one has their number.
        foreach (TapLink link in _current)
        {
            _batch.Begin(link);
            _links[link.Captured.Index] = link;
        }

        _capture.SetLinks([.. _current.Select(link => new CapturedLink(link.Captured.Index))]);
        plan.Adopted.SetResult();
    }

    /// <summary>Puts what the kernel dropped since the last time on the account of those whose frames it accepted.</summary>
    private void Charge()
    {
        long dropped = _capture.ReadStatistics().Dropped;
        if (_current.Length > 0) _current[0].Dropped += dropped - _charged;
        _charged = dropped;
    }

    /// <returns>False when there was nothing to take.</returns>
    private bool Take(int timeoutMilliseconds)
    {
        using FrameBlock? block = _capture.Next(timeoutMilliseconds);
        if (block is null) return false;
        while (!_batch.IsEnough && block.TryRead(out Frame frame)) Take(ref frame);
        _batch.Flush();
        return true;
    }

    private void Take(ref Frame frame)
    {
        if (!_links.TryGetValue(frame.LinkIndex, out TapLink? link) || link.Captured.IsBefore(frame.Timestamp)) return;
        bool whole = frame.Missing == 0 && (frame.VlanTag == 0 || frame.TryInsertVlanTag());
        // A tag that travelled beside the frame was out of the kernel's filter's sight.
        if (whole && _filter is not null && !_filter.Matches(frame.Start, frame.Length)) return;
        if (!whole)
        {
            link.Uncut++;
            return;
        }

        FrameLayout layout = FrameParser.Parse(frame.Start, frame.Length);
        _batch.BeginFrame(link.Captured, frame.Length, frame.Timestamp);
        LossReason? loss = Segmenter.Add(ref frame, layout, _transport, _batch, vni: 0);
        _batch.EndFrame(loss);
        if (loss is not null) link.Uncut++;
    }

    private sealed record Plan(TapLink[] Links, TaskCompletionSource Adopted);
}
