using System.Collections.Immutable;
using System.Diagnostics;
using System.Net;
using HostAgent.Accounts;
using Microsoft.Extensions.Logging;

namespace HostAgent.Links;

/// <summary>
/// The interface that has the address, in the pod's own network namespace, and the host's end of it: works for any plugin that gives pods
/// a link on the host. Needs CAP_SYS_ADMIN for setns(2). It looks when it is asked for an address that it does not know, on a thread of
/// its own, so the answer comes a moment later with <see cref="Changed"/>.
/// </summary>
public sealed class NetnsLookup : ILinkLookup, IDisposable
{
    /// <summary>Where containerd and CRI-O, and Docker, bind the namespaces of pods.</summary>
    public static readonly ImmutableArray<string> DefaultFolders = ["/run/netns", "/var/run/docker/netns"];

    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LastRetry = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ScanLimit = TimeSpan.FromSeconds(10);

    /// <summary>An address that nobody has asked for in so long is no longer looked for.</summary>
    private static readonly TimeSpan Interest = TimeSpan.FromMinutes(5);

    private readonly ImmutableArray<string> _folders;
    private readonly Func<LinkSnapshot> _links;
    private readonly Func<RtnetlinkSocket> _open;
    private readonly FaultLog _faults;
    private readonly Dictionary<IPAddress, long> _missing = [];
    private readonly Lock _lock = new();
    private readonly Lock _scanning = new();
    private readonly ManualResetEventSlim _asked = new();
    private readonly Thread _thread;
    private volatile ImmutableDictionary<IPAddress, ImmutableArray<NetnsInterface>> _known =
        ImmutableDictionary<IPAddress, ImmutableArray<NetnsInterface>>.Empty;
    private ImmutableDictionary<(string Path, ulong Inode), ImmutableArray<NetnsInterface>> _namespaces =
        ImmutableDictionary<(string Path, ulong Inode), ImmutableArray<NetnsInterface>>.Empty;
    private ImmutableDictionary<int, Link>? _linksSeen;
    private volatile string? _problem;
    private volatile bool _stopping;
    private volatile bool _hopeless;

    /// <summary>Looks into the namespaces from that of the calling thread, the host's.</summary>
    public NetnsLookup(ImmutableArray<string> folders, Func<LinkSnapshot> links, ILogger<NetnsLookup> logger)
        : this(folders, links, logger, NetnsScan.OpenSocket)
    {
    }

    internal NetnsLookup(ImmutableArray<string> folders, Func<LinkSnapshot> links, ILogger<NetnsLookup> logger, Func<RtnetlinkSocket> open)
    {
        _folders = folders;
        _links = links;
        _open = open;
        _faults = new FaultLog(logger, "Looking into network namespaces");
        _thread = new Thread(Run) { IsBackground = true, Name = "netns" };
        _thread.Start();
    }

    /// <summary>Raised on the lookup's thread when answers have changed.</summary>
    public event Action? Changed;

    public FoundBy FoundBy => FoundBy.Netns;

    public bool Authoritative => true;

    /// <summary>
    /// Why the lookup is of no use at present, or out of date, as a sentence for an operator; null when it works or was never needed.
    /// </summary>
    public string? Problem => _problem;

    public LookupAnswer Find(IPAddress address, LinkSnapshot snapshot)
    {
        if (_hopeless) return LookupAnswer.None("its network namespace is not looked for (that needs CAP_SYS_ADMIN)");
        LookupAnswer answer = Among(_known.GetValueOrDefault(address, []), snapshot);
        if (answer.Link is null) Want(address, snapshot);
        return answer;
    }

    /// <summary>
    /// The file of the network namespace that has the address, behind this link of the host; null when it is not known, or not yet.
    /// </summary>
    public string? NamespaceOf(IPAddress address, Link hostLink)
    {
        if (_hopeless) return null;
        string? found = _known.GetValueOrDefault(address, []).FirstOrDefault(at => at.HostLink?.Index == hostLink.Index)?.Namespace;
        if (found is null) Want(address, _links());
        return found;
    }

    /// <summary>
    /// Looks now, and waits for it: for a caller that asks only once.
    /// </summary>
    /// <returns>False when the time was over before the look was.</returns>
    public bool Scan() => Scan(again: false, out _);

    public void Dispose()
    {
        if (_stopping) return;
        _stopping = true;
        _asked.Set();
        _thread.Join(ScanLimit);
    }

    private LookupAnswer Among(ImmutableArray<NetnsInterface> interfaces, LinkSnapshot snapshot)
    {
        NetnsInterface? found = null;
        foreach (NetnsInterface at in interfaces)
        {
            if (at.HostLink is { } host && !snapshot.Has(host)) continue;
            // A namespace without a link on this host can be that of something else altogether, which has the address elsewhere.
            if (found is null || (found.HostLink is null && at.HostLink is not null))
            {
                found = at;
            }
            else if (found.HostLink is not null && at.HostLink is not null && found.HostLink.Index != at.HostLink.Index)
            {
                return LookupAnswer.None($"two pods have it: one behind {found.HostLink.Name}, one behind {at.HostLink.Name}");
            }
        }

        return found switch
        {
            null => LookupAnswer.None($"in no network namespace under {string.Join(" or ", _folders)}"),
            { HostLink: { } link } when PodEnd.WhyNot(snapshot.Links[link.Index], snapshot) is { } whyNot =>
                LookupAnswer.None($"its interface {found.Name} leads to {link.Name}, but {whyNot}"),
            { HostLink: { } link } => LookupAnswer.Found(snapshot.Links[link.Index]),
            { IsPair: true } => LookupAnswer.None($"its interface {found.Name} has its other end outside of the host's namespace"),
            { Kind: "" } => LookupAnswer.Impossible(
                $"its interface {found.Name} is a physical device that was given to the pod, so there is no link of it on the host; "
                + "mirror its port on the switch, or give the pod a network with a link on the host"),
            _ => LookupAnswer.Impossible(
                $"its interface {found.Name} is of kind {found.Kind}, which has no link on the host; "
                + "attach the pod to a network whose plugin makes one (veth or netkit), such as ptp or bridge"),
        };
    }

    /// <summary>New addresses and new links are a reason to look at once; otherwise the next look comes when it comes.</summary>
    private void Want(IPAddress address, LinkSnapshot snapshot)
    {
        lock (_lock)
        {
            bool fresh = !_missing.ContainsKey(address) || !ReferenceEquals(_linksSeen, snapshot.Links);
            _missing[address] = Stopwatch.GetTimestamp();
            _linksSeen = snapshot.Links;
            if (fresh) _asked.Set();
        }
    }

    private void Run()
    {
        TimeSpan wait = Timeout.InfiniteTimeSpan, retry = FirstRetry;
        while (true)
        {
            bool fresh = _asked.Wait(wait);
            if (_stopping || _hopeless) return;
            _asked.Reset();
            if (fresh) retry = FirstRetry;
            try
            {
                // Late in the day also namespaces that were thought to be known: an address may have been added.
                if (!Scan(again: retry >= TimeSpan.FromSeconds(3), out bool changed)) retry = LastRetry;
                wait = StillMissing() ? retry : Timeout.InfiniteTimeSpan;
                if (changed) Changed?.Invoke();
            }
            catch (Exception e)
            {
                // Whatever it was, also in a subscriber: it is tried again.
                Failed(e);
                wait = retry;
            }

            retry = retry * 2 < LastRetry ? retry * 2 : LastRetry;
        }
    }

    private bool StillMissing()
    {
        lock (_lock)
        {
            foreach ((IPAddress address, long asked) in _missing.ToList())
            {
                if (Stopwatch.GetElapsedTime(asked) > Interest || Among(_known.GetValueOrDefault(address, []), _links()).Link is not null)
                {
                    _missing.Remove(address);
                }
            }

            return _missing.Count > 0;
        }
    }

    private bool Scan(bool again, out bool changed)
    {
        lock (_scanning) return ScanAlone(again, out changed);
    }

    private bool ScanAlone(bool again, out bool changed)
    {
        changed = false;
        var scan = new NetnsScan(_folders, _links, _namespaces, again, _open);
        Exception? failure = null;
        var thread = new Thread(() => failure = Guarded(scan)) { IsBackground = true, Name = "netns scan" };
        thread.Start();
        if (!thread.Join(ScanLimit))
        {
            // The thread is left behind: nothing waits for it, and what it finds is not used.
            _problem = $"pods are not looked for in their network namespaces: {scan.At} has not answered for {ScanLimit.TotalSeconds:0} s";
            return false;
        }

        if (failure is not null)
        {
            // What it found is part of what there is, and would take the rest away.
            Failed(failure);
            return true;
        }

        _problem = scan.Problem;
        if (scan.Failure is not null) Failed(scan.Failure);
        _hopeless = scan.Hopeless;
        _namespaces = scan.Found;
        var known = scan.Found.Values.SelectMany(at => at).GroupBy(at => at.Address)
            .ToImmutableDictionary(at => at.Key, at => at.ToImmutableArray());
        changed = !known.SameAs(_known) || scan.Hopeless;
        _known = known;
        return true;
    }

    /// <returns>Why the look has not come to its end; null when it has.</returns>
    private static Exception? Guarded(NetnsScan scan)
    {
        try
        {
            scan.Run();
            return null;
        }
        catch (Exception e)
        {
            // The host's own socket failed, most likely; the next look may not.
            return e;
        }
    }

    private void Failed(Exception e)
    {
        _problem = $"looking into pods' network namespaces failed, what was known of them before is kept: {e.Message}";
        _faults.Log(e);
    }
}
