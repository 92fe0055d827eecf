using System.Diagnostics;
using HostAgent.Accounts;
using Microsoft.Extensions.Logging;
using static HostAgent.Interop.LinuxRtnetlink;

namespace HostAgent.Links;

/// <summary>
/// Follows the links, addresses, routes, neighbours and forwarding databases of the network namespace of the thread that constructs it,
/// and publishes them as immutable snapshots. One thread, asleep in recv(2) until the kernel has something to say. Notifications are
/// applied as they come, which costs by the change and not by the table; what they cannot tell (routes, see <see cref="LinkTables"/>;
/// anything lost on an overflow) is read again.
/// </summary>
public sealed class LinkMonitor : IWarns, IDisposable
{
    /// <summary>A burst of notifications, such as those of one new pod, makes one publication.</summary>
    private static readonly TimeSpan Coalesce = TimeSpan.FromMilliseconds(20);

    private static readonly TimeSpan RetryAfterFailure = TimeSpan.FromSeconds(1);

    /// <summary>Reading whole tables may take at most about a tenth of the time, however large they are.</summary>
    private const int RestPerWork = 10;

    private readonly RtnetlinkSocket _notifications = new();
    private readonly RtnetlinkSocket _requests = new();
    private readonly FaultLog _faults;
    private readonly TimeSpan _resyncEvery;
    private readonly Thread _thread;
    private LinkTables _tables = new();
    private volatile LinkSnapshot _current = LinkSnapshot.Empty;
    private volatile bool _stopping;
    private long _publishAt = long.MaxValue;
    private long _readRoutesAt = long.MaxValue;
    private long _resyncAt;
    private long _restUntil;
    private long _resyncs;
    private long _overflows;
    private long _failures;
    private volatile string? _problem;
    private Heartbeat? _heartbeat;

    /// <summary>Reads everything once, so that <see cref="Current"/> is complete when the constructor returns.</summary>
    /// <param name="logger">Gets what befalls the thread.</param>
    /// <param name="receiveBuffer">SO_RCVBUF of the socket that gets the notifications, in bytes.</param>
    /// <param name="resyncEvery">The safety net's period; 30 s by default.</param>
    /// <exception cref="ErrnoException">The kernel refused a socket or a table.</exception>
    public LinkMonitor(ILogger<LinkMonitor> logger, int receiveBuffer = 1 << 20, TimeSpan? resyncEvery = null)
    {
        _faults = new FaultLog(logger, "Following the host's links");
        _resyncEvery = resyncEvery ?? TimeSpan.FromSeconds(30);
        try
        {
            _notifications.ReceiveBuffer = receiveBuffer;
            // Before the first dump, so that nothing falls between the two.
            foreach (int group in (int[])
                     [RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR])
            {
                _notifications.Subscribe(group);
            }

            _requests.CheckStrictly();
            Resync();
            Publish();
        }
        catch
        {
            _notifications.Dispose();
            _requests.Dispose();
            throw;
        }

        _thread = new Thread(Run) { IsBackground = true, Name = "links" };
        _thread.Start();
    }

    /// <summary>
    /// Raised on the monitor's thread after <see cref="Current"/> has changed; what it does there delays the next snapshot.
    /// </summary>
    public event Action? Changed;

    public LinkSnapshot Current => _current;

    /// <summary>How often everything was read again: regularly, and after every overflow.</summary>
    public long Resyncs => Interlocked.Read(ref _resyncs);

    /// <summary>How often the kernel had to drop notifications because they were not fetched in time (ENOBUFS).</summary>
    public long Overflows => Interlocked.Read(ref _overflows);

    /// <summary>How often following the kernel failed and was begun anew.</summary>
    public long Failures => Interlocked.Read(ref _failures);

    /// <summary>Why <see cref="Current"/> may be out of date, as a sentence for an operator; null when all is well.</summary>
    public string? Problem => _problem;

    public IEnumerable<string> Warnings() => Problem is { } problem ? [problem] : [];

    /// <summary>Beaten by the monitor's thread, which comes round at least as often as everything is read again.</summary>
    public Heartbeat Heartbeat
    {
        set => Volatile.Write(ref _heartbeat, value);
    }

    public void Dispose()
    {
        if (_stopping) return;
        _stopping = true;
        _notifications.Wake();
        _thread.Join();
        _notifications.Dispose();
        _requests.Dispose();
    }

    private void Run()
    {
        while (!_stopping)
        {
            Volatile.Read(ref _heartbeat)?.Beat();
            try
            {
                Step();
            }
            catch (Exception e)
            {
                // Whatever it was, also in a subscriber: without this thread the agent would go on with what it knew at this moment.
                _problem = $"the host's links cannot be followed, what is known of them may be out of date: {e.Message}";
                _faults.Log(e);
                Interlocked.Increment(ref _failures);
                _resyncAt = After(RetryAfterFailure);
                _publishAt = _readRoutesAt = long.MaxValue;
                _restUntil = _resyncAt;
            }
        }
    }

    private void Step()
    {
        long due = Math.Min(_publishAt, Math.Max(_restUntil, Math.Min(_readRoutesAt, _resyncAt)));
        ReadOnlySpan<byte> received = _notifications.Receive(Until(due), out bool overflow);
        if (overflow) Interlocked.Increment(ref _overflows);
        if (Apply(received) || overflow) _resyncAt = Now;

        if (Now >= _resyncAt && Now >= _restUntil)
        {
            Resync();
            Publish();
            _problem = null;
        }

        if (Now >= _readRoutesAt && Now >= _restUntil)
        {
            long started = Now;
            RtnetlinkDump.Routes(_requests, _tables);
            _readRoutesAt = long.MaxValue;
            _restUntil = Now + (RestPerWork * (Now - started));
            _publishAt = Now;
        }

        if (Now >= _publishAt) Publish();
    }

    /// <returns>True when the datagram was damaged, so that the tables can no longer be trusted.</returns>
    private bool Apply(ReadOnlySpan<byte> received)
    {
        var messages = new NetlinkMessages(received);
        while (messages.MoveNext())
        {
            TableChange change = _tables.Apply(messages.Header.nlmsg_type, messages.Payload);
            if (change.HasFlag(TableChange.Content)) _publishAt = Math.Min(_publishAt, After(Coalesce));
            if (change.HasFlag(TableChange.RoutesStale)) _readRoutesAt = Math.Min(_readRoutesAt, After(Coalesce));
        }

        return messages.Damaged;
    }

    private void Resync()
    {
        long started = Now;
        var tables = new LinkTables(_tables);
        RtnetlinkDump.All(_requests, tables);
        _tables = tables;
        Interlocked.Increment(ref _resyncs);
        _readRoutesAt = long.MaxValue;
        _resyncAt = After(_resyncEvery);
        _restUntil = Now + (RestPerWork * (Now - started));
    }

    private void Publish()
    {
        _publishAt = long.MaxValue;
        LinkSnapshot snapshot = _tables.ToSnapshot();
        if (snapshot.SameAs(_current)) return;
        _current = snapshot;
        Changed?.Invoke();
    }

    private static long Now => Stopwatch.GetTimestamp();

    private static TimeSpan Until(long moment) => Stopwatch.GetElapsedTime(Now, moment);

    private static long After(TimeSpan span) => Now + (long)(span.TotalSeconds * Stopwatch.Frequency);
}
