using System.Collections.Immutable;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using HostAgent.Accounts;
using HostAgent.Interop;
using Microsoft.Extensions.Logging;

namespace HostAgent.Links;

/// <summary>
/// A link's own traffic tells whose it is: the source address of frames that come from the pod. Only links that are no pod's are watched,
/// and only while addresses lack one, so an address that a pod has by whatever lookup cannot be taken from it. It needs no more than
/// capture does.
/// </summary>
public sealed class LearningLookup : ILinkLookup, IDisposable
{
    private static readonly TimeSpan WatchFor = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan RestFor = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// So long a link is listened to before its first word is believed: a pod that spoofs another's address does not only do that.
    /// </summary>
    private static readonly TimeSpan Doubt = TimeSpan.FromMilliseconds(250);

    private readonly FaultLog _faults;
    private readonly Lock _lock = new();
    private readonly ManualResetEventSlim _news = new();
    private readonly Dictionary<long, LearningSocket> _sockets = [];
    private readonly Thread _thread;
    private readonly Dictionary<IPAddress, ImmutableArray<(Link Link, long At)>> _learned = [];
    private readonly Queue<long> _doubted = new();
    private ImmutableArray<Link> _links = [];
    private ImmutableArray<IPAddress> _sought = [];
    private volatile string? _problem;
    private volatile bool _stopping;

    /// <summary>Watches links of the network namespace of the calling thread. Nothing happens before <see cref="Watch"/>.</summary>
    public LearningLookup(ILogger<LearningLookup> logger)
    {
        _faults = new FaultLog(logger, "Recognising pods by their traffic");
        _thread = new Thread(Run) { IsBackground = true, Name = "learning" };
        _thread.Start();
    }

    /// <summary>Raised on the lookup's thread when answers have changed.</summary>
    public event Action? Changed;

    public FoundBy FoundBy => FoundBy.Learning;

    public bool Authoritative => false;

    /// <summary>Why nothing is learned, as a sentence for an operator; null when it works or was never needed.</summary>
    public string? Problem => _problem;

    /// <summary>What is open after a round of matching: see <see cref="Coverage.Unclaimed"/> and <see cref="Coverage.Sought"/>.</summary>
    public void Watch(ImmutableArray<Link> unclaimed, ImmutableArray<IPAddress> sought)
    {
        lock (_lock)
        {
            if (Same(_links, unclaimed) && _sought.SequenceEqual(sought)) return;
            _links = sought.IsEmpty ? [] : unclaimed;
            _sought = unclaimed.IsEmpty ? [] : sought;
            foreach (IPAddress address in _learned.Keys.Where(address => !sought.Contains(address)).ToList()) _learned.Remove(address);
            _news.Set();
        }
    }

    public LookupAnswer Find(IPAddress address, LinkSnapshot snapshot)
    {
        lock (_lock)
        {
            // Of the links where it was seen, those that have become another pod's meanwhile were spoofed on.
            var links = _learned.GetValueOrDefault(address, [])
                .Where(seen => snapshot.Has(seen.Link) && _links.Any(link => link.Generation == seen.Link.Generation))
                .ToList();
            return links switch
            {
                [] => LookupAnswer.None("no frame from it seen on a link that is no pod's yet"),
                [var first] when Stopwatch.GetElapsedTime(first.At) < Doubt =>
                    LookupAnswer.None($"a first frame from it seen on {first.Link.Name}"),
                [var only] => LookupAnswer.Found(snapshot.Links[only.Link.Index]),
                _ =>
                    LookupAnswer.None($"frames from it come from several links: {string.Join(", ", links.Select(seen => seen.Link.Name))}"),
            };
        }
    }

    public void Dispose()
    {
        if (_stopping) return;
        _stopping = true;
        _news.Set();
        _thread.Join();
        foreach (LearningSocket socket in _sockets.Values) socket.Dispose();
    }

    private static bool Same(ImmutableArray<Link> one, ImmutableArray<Link> other) =>
        one.Length == other.Length && one.All(link => other.Any(at => at.Generation == link.Generation));

    private void Run()
    {
        while (!_stopping)
        {
            _news.Wait(_sockets.Count > 0 ? TimeSpan.Zero : RestFor);
            _news.Reset();
            if (_stopping) return;
            try
            {
                Listen(WatchFor);
            }
            catch (Exception e)
            {
                // Whatever it was, also in a subscriber: it is tried again after a rest, or when there is news.
                _problem = $"pods are not recognised by their traffic: {e.Message}";
                _faults.Log(e);
            }

            if (!_news.IsSet) Close(_ => true);
        }
    }

    /// <summary>Listens on the links as they are now, until the time is over or there is news.</summary>
    private void Listen(TimeSpan limit)
    {
        ImmutableArray<Link> links;
        ImmutableArray<IPAddress> sought;
        lock (_lock) (links, sought) = (_links, _sought);
        Close(generation => !links.Any(link => link.Generation == generation));
        if (links.IsEmpty || sought.IsEmpty) return;

        LinuxFilter.sock_filter[] filter = LearningFilter.For(sought);
        foreach (Link link in links)
        {
            try
            {
                if (_sockets.TryGetValue(link.Generation, out LearningSocket? open) && open.TryReplace(filter)) continue;
                Close(generation => generation == link.Generation);
                _sockets[link.Generation] = new LearningSocket(link, filter);
            }
            catch (ErrnoException e) when (e.Call == "bind")
            {
                // The link has gone; the monitor will say so.
            }
        }

        _problem = null;
        long started = Stopwatch.GetTimestamp();
        while (!_stopping && !_news.IsSet && Stopwatch.GetElapsedTime(started) < limit && _sockets.Count > 0)
        {
            var ready = _sockets.Values.Select(socket => socket.Socket).ToList();
            Socket.Select(ready, null, null, Poll);
            foreach (LearningSocket socket in _sockets.Values)
            {
                if (ready.Contains(socket.Socket)) Read(socket);
            }

            bool due = false;
            while (_doubted.TryPeek(out long at) && Stopwatch.GetElapsedTime(at) > Doubt)
            {
                _doubted.Dequeue();
                due = true;
            }

            if (due) Changed?.Invoke();
        }
    }

    private void Read(LearningSocket socket)
    {
        // A pod that sends very much does not keep the others waiting.
        for (int i = 0; i < 64 && socket.TryRead(out IPAddress? source); i++)
        {
            lock (_lock)
            {
                if (source is null || !_sought.Contains(source)) continue;
                ImmutableArray<(Link Link, long At)> seen = _learned.GetValueOrDefault(source, []);
                if (seen.Any(at => at.Link.Generation == socket.Link.Generation)) continue;
                long now = Stopwatch.GetTimestamp();
                _learned[source] = seen.RemoveAll(at => !_links.Any(link => link.Generation == at.Link.Generation)).Add((socket.Link, now));
                _doubted.Enqueue(now);
            }
        }
    }

    private void Close(Predicate<long> which)
    {
        foreach (long generation in _sockets.Keys.Where(generation => which(generation)).ToList())
        {
            _sockets.Remove(generation, out LearningSocket? socket);
            socket!.Dispose();
        }
    }
}
