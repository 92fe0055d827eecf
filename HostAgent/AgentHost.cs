using System.Collections.Immutable;
using System.Diagnostics;
using System.Net;
using HostAgent.Accounts;
using HostAgent.Capture;
using HostAgent.Cluster;
using HostAgent.Commands;
using HostAgent.Deciding;
using HostAgent.Governing;
using HostAgent.Links;
using HostAgent.Observability;
using HostAgent.Pipeline;
using HostAgent.PodMap;
using HostAgent.Policy;
using HostAgent.Sensors;
using Microsoft.Extensions.Logging;

namespace HostAgent;

/// <summary>The composition root: every part is made and wired here, in the order in which a frame's fate is decided.</summary>
internal static class AgentHost
{
    private static readonly TimeSpan ListenRetry = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    // It may sleep for 30 s, and rests ten times as long as reading all tables took it.
    private static readonly TimeSpan LinksPatience = TimeSpan.FromMinutes(3);

    // Counters of the kernel are 32 bits wide and have to be read before they wrap.
    private static readonly TimeSpan LedgerInterval = TimeSpan.FromSeconds(10);

    /// <summary>Runs the agent until cancelled; the exit code.</summary>
    /// <exception cref="PolicyException">The policy file is not valid.</exception>
    /// <exception cref="IOException">The host refused what the agent needs; the message names the call and the subject.</exception>
    public static async Task<int> RunAsync(AgentOptions options, CancellationToken cancellation)
    {
        PolicyFile? read = null;
        using ILoggerFactory logs = AgentLog.Create(
            Environment.GetEnvironmentVariable(AgentLog.FormatVariable), () => read?.Current.LogLevel ?? LogLevel.Information);
        ILogger logger = logs.CreateLogger("HostAgent.Agent");
        // Configuration: what to mirror, and from which level on to log.
        using var policy = new PolicyFile(options.PolicyFile, logs.CreateLogger<PolicyFile>());
        read = policy;

        // One agent on a node: where another runs this one ends here; a standby makes all that follows ready and waits for its turn.
        using var node = new NodeLock(logs.CreateLogger<NodeLock>());
        if (!options.Standby) await node.TakeAsync(wait: false, cancellation);

        // Cluster: the pods and namespaces it speaks of.
        using var cluster = new ClusterSource(options.ClusterFile, options.Kubeconfig, options.NodeName, logs);

        // Who may look from beyond this host.
        using NetworkGuard? guard = Guard(options, cluster.Reviews, logs);

        // Links: where those pods are on this host.
        using var links = new LinkMonitor(logs.CreateLogger<LinkMonitor>());
        using var lookups = new LinkLookups(() => links.Current, listen: true, logs);

        // Capture, pipeline, tunnel: their frames, to the sensor.
        var capturing = new CaptureOptions { Filter = options.Filter };
        using var mirror = options.Capture == CaptureBackend.Ring
            ? new Mirror(new RingCaptureFactory(capturing), Shards, logs.CreateLogger<Mirror>(), options.Filter, options.NodeName)
            : new Mirror(new PcapCaptureFactory(capturing), 1, logs.CreateLogger<Mirror>(), options.Filter, options.NodeName);
        var drops = new SensorDrops(lookups.NamespaceOf, logs.CreateLogger<SensorDrops>());
        var losses = new LossWatch(mirror.Ledger.Read, logs.CreateLogger<LossWatch>());
        var audit = new ScopeAudit(logs.CreateLogger(ScopeAudit.Category));
        var podMap = new PodMapKeeper(() => policy.Current.PodMap, cluster, logs);
        var taps = new Taps(logs.CreateLogger(ScopeAudit.Category));
        var governor = new NodeGovernor(
            () => policy.Current.Budget, () => mirror.InForce, mirror.Ledger.Read, logs.CreateLogger<NodeGovernor>());
        var reconciler = new Reconciler(
            options.NodeName, options.Filter?.Expression, policy, cluster, links, lookups, mirror, governor, drops, audit, taps,
            logs.CreateLogger<Reconciler>())
        {
            Parts = [node, policy, links, cluster, mirror, governor, losses, drops, podMap],
        };

        // Observability: what became of each frame and each pod.
        var health = new AgentHealth();
        using var metrics = new AgentMetrics(new MetricSources
        {
            Ledger = mirror.Ledger.Read,
            Status = () => reconciler.Status,
            Pods = () => mirror.Traffic,
            FrameAge = mirror.Ledger.FrameAges,
            DroppedAtSensorLink = () => drops.AtLink,
            DroppedAtSensorSocket = () => drops.AtSocket,
            CanariesSent = () => mirror.CanariesSent,
            SilentPods = () => mirror.SilentPods,
            PolicyReloadSuccessful = () => policy.LastReloadSuccessful,
            Watches = () => cluster.Watches,
            ScopeChanges = audit.Count,
            Governor = () => governor.Status,
            Certificates = () => [("serving", guard?.Certificate.Current.Ends), ("sensor", mirror.CertificateEnds())],
        });
        Heartbeat reconciling = health.AddHeartbeat("matching", Patience);
        mirror.ReportTo(health, Patience);
        links.Heartbeat = health.AddHeartbeat("links", LinksPatience);
        Milestone matched = health.AddMilestone("pods matched");
        EventRecorder? events = options.Events is not { } self ? null : new EventRecorder(
            cluster.Events!, self, () => matched.Reached ? Trouble.In(reconciler.Status, policy.Problem) : [],
            logs.CreateLogger<EventRecorder>());
        if (events is not null) reconciler.Parts = [.. reconciler.Parts, events];
        var content = new ServedContent(metrics, health, () => reconciler.Status, mirror.Ledger.Read)
        {
            Taps = taps,
            Page = new PageSources
            {
                Pods = () => mirror.Traffic,
                PolicyErrors = () => policy.Errors,
                Changes = () => audit.Recent.Newest,
            },
        };

        policy.Watch();
        Task<HttpEndpoint?> beginning = BeginAsync();
        if (!options.Standby) await beginning;
        await Task.WhenAll(
            cluster.RunAsync(cancellation),
            reconciler.RunAsync(reconciling.Beat, matched.Reach, cancellation),
            governor.RunAsync(cancellation),
            podMap.RunAsync(cancellation),
            events?.RunAsync(cancellation) ?? Task.CompletedTask,
            ReadLedgerAsync(mirror.Ledger, cancellation),
            beginning);
        await using HttpEndpoint? endpoint = await beginning;

        mirror.Stop();
        node.Release();
        taps.End();
        audit.End();
        mirror.Drain(Mirror.DrainLimit);
        logger.LogInformation("Drained: {Ledger}", mirror.Ledger.Read().InWords());
        return 0;

        // At once, or when it is the standby's turn. Null when it never was.
        async Task<HttpEndpoint?> BeginAsync()
        {
            if (options.Standby && !await node.TakeAsync(wait: true, cancellation)) return null;
            logger.LogInformation("Mirroring on node {Node} with policy {Revision}", options.NodeName, policy.Current.Revision);
            reconciler.Begin();
            HttpEndpoint? started = options.Standby
                ? await ListenAfterAnotherAsync(options.Listen, content, guard, logs, logger, cancellation)
                : await HttpEndpoint.StartAsync(options.Listen, content, guard, logs, cancellation);
            if (started is not null) reconciler.Parts = [.. reconciler.Parts, started];
            return started;
        }
    }

    /// <summary>
    /// One for each two cores that the container may use: a shard fills a core only at several Gbit/s, and production comes first.
    /// </summary>
    private static int Shards => Math.Clamp(Environment.ProcessorCount / 2, 1, 8);

    /// <returns>Null where only this host can ask, or everybody may.</returns>
    /// <exception cref="IOException">The certificate cannot be used; the message names its file.</exception>
    private static NetworkGuard? Guard(AgentOptions options, AccessReviews? reviews, ILoggerFactory logs)
    {
        if (options.Network is not { Insecure: false } network) return null;
        ILogger logger = logs.CreateLogger<NetworkGuard>();
        IServingCertificate certificate = network is { Certificate: { } file, Key: { } key }
            ? new CertificateFiles(file, key, logger)
            : new SelfSignedCertificate(options.NodeName, [.. options.Listen.Select(address => address.Address)]);
        return new NetworkGuard(certificate, new TokenAccess(reviews!, logger));
    }

    /// <summary>
    /// The agent before has its ports until it has drained what it captured; this one mirrors already, whatever becomes of them.
    /// </summary>
    private static async Task<HttpEndpoint?> ListenAfterAnotherAsync(
        ImmutableArray<IPEndPoint> listen, ServedContent content, NetworkGuard? guard,
        ILoggerFactory logs, ILogger logger, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        bool said = false;
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                return await HttpEndpoint.StartAsync(listen, content, guard, logs, cancellation);
            }
            catch (Exception e)
            {
                if (!said && Stopwatch.GetElapsedTime(start) > Mirror.DrainLimit)
                {
                    said = true;
                    logger.LogWarning("Neither metrics nor probes are served yet: {Reason}", e.Message);
                }

                await Task.Delay(ListenRetry, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        return null;
    }

    private static async Task ReadLedgerAsync(Ledger ledger, CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(LedgerInterval);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellation)) _ = ledger.Read();
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }
}
