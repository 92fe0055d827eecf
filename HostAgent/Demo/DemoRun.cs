using System.Diagnostics;
using HostAgent.Lab;
using HostAgent.Observability;

namespace HostAgent.Demo;

/// <summary>
/// One run of the demo: the network, the receiver and the agent, from the first frame to the verdict. Disposing it removes them all.
/// </summary>
internal sealed class DemoRun : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan StillLimit = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    private readonly DemoNetwork _network;
    private readonly string _folder;
    private readonly SensorProcess<SensorReport> _sensor;
    private readonly AgentFiles _files;
    private readonly AgentProcess _agent;

    private DemoRun(DemoNetwork network, string folder, SensorProcess<SensorReport> sensor, AgentFiles files)
    {
        (_network, _folder, _sensor, _files) = (network, folder, sensor, files);
        _agent = new AgentProcess(network.Node.Namespace, OwnProgram.Command, files);
    }

    /// <param name="name">For the namespaces and the temporary folder.</param>
    /// <param name="cancellation">Removes what was already made.</param>
    public static async Task<DemoRun> StartAsync(string name, CancellationToken cancellation)
    {
        string folder = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), name)).FullName;
        DemoNetwork? network = null;
        SensorProcess<SensorReport>? sensor = null;
        try
        {
            network = new DemoNetwork(name);
            var files = new AgentFiles(folder, "demo");
            files.WritePolicy(DemoPolicy.Everything);
            files.WriteCluster([.. network.Pods, (AgentFiles.Security, network.Sensor)]);
            sensor = await SniffingSensor.StartAsync(network.Sensor, cancellation).ConfigureAwait(false);
            return new DemoRun(network, folder, sensor, files);
        }
        catch
        {
            if (sensor is not null) await sensor.DisposeAsync().ConfigureAwait(false);
            network?.Dispose();
            Directory.Delete(folder, recursive: true);
            throw;
        }
    }

    /// <summary>Waits until the agent captures every pod in scope and has its sensor.</summary>
    public Task ReadyAsync(CancellationToken cancellation) => _agent.ReadyAsync(_network.Pods.Count, StartLimit, cancellation);

    /// <summary>Has the agent take over another policy while it runs.</summary>
    public async Task ChangePolicyAsync(string policy, CancellationToken cancellation)
    {
        string before = (await _agent.ReadAsync(cancellation).ConfigureAwait(false)).Status.PolicyRevision;
        _files.WritePolicy(policy);
        await _agent.UntilAsync("another policy is in force", reading => reading.Status.PolicyRevision != before, StartLimit, cancellation)
            .ConfigureAwait(false);
    }

    /// <summary>Lets the traffic run for a time and shows the agent's readings meanwhile.</summary>
    /// <returns>What was carried, in words.</returns>
    public async Task<string> TrafficAsync(TimeSpan duration, TextWriter? lines, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task<string> traffic = DemoTraffic.RunAsync(_network, stop.Token);
        Task view = DemoView.ShowAsync(duration, lines, _agent.ReadAsync, stop.Token);
        await Task.WhenAny(traffic, view, Task.Delay(duration, stop.Token)).ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        // Both, whatever becomes of either: a socket left open would keep its namespace alive.
        await Task.WhenAll(traffic, view).ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
        return await traffic.ConfigureAwait(false);
    }

    /// <summary>Lets the traffic run until it is cancelled.</summary>
    public Task HoldAsync(CancellationToken cancellation) => DemoTraffic.RunAsync(_network, cancellation);

    /// <summary>Makes the agent's page reachable from this machine.</summary>
    public PortForward OpenPage() => PortForward.Start(_network.Node.Namespace, AgentProcess.Listen);

    /// <summary>
    /// The links' own count and the agent's, of the same moment: of one at which nothing moves. Not AgentProcess.UntilAsync, which sees one
    /// reading at a time, and none of the links.
    /// </summary>
    public async Task<(AgentReading Agent, long FramesOnLinks, SensorReport Sensor)> StillAsync(CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            AgentReading before = await _agent.ReadAsync(cancellation).ConfigureAwait(false);
            long frames = _network.FramesOnLinks();
            SensorReport report = await _sensor.ReportAsync(cancellation).ConfigureAwait(false);
            await Task.Delay(Interval, cancellation).ConfigureAwait(false);
            AgentReading after = await _agent.ReadAsync(cancellation).ConfigureAwait(false);
            bool still = frames == _network.FramesOnLinks() && before.Ledger.Seen == after.Ledger.Seen
                && before.Ledger.Segments == after.Ledger.Segments
                && before.Ledger.InFlight == 0;
            if (still || Stopwatch.GetElapsedTime(start) > StillLimit) return (after, frames, report);
        }
    }

    /// <summary>
    /// The worked example for analysts: tshark reads what the sensor gets of a few connections between pods, and the pod map says whose
    /// their addresses are.
    /// </summary>
    public async Task<ConnLog> ConnLogAsync(CancellationToken cancellation)
    {
        string map = Path.Combine(_folder, "pods");
        await ChangePolicyAsync(DemoPolicy.Mapped(map), cancellation).ConfigureAwait(false);
        TsharkSensor? tshark = await TsharkSensor.StartAsync(_network.Sensor, cancellation).ConfigureAwait(false);
        if (tshark is null) return new ConnLog(Lines: null);
        await using (tshark.ConfigureAwait(false))
        {
            await LdapLookup.RunAsync(_network.Api, _network.Db, cancellation).ConfigureAwait(false);
            await ShortHttp.RunAsync(_network.Frontend, _network.Api, _network.Api.Ipv4, 10, 2, cancellation).ConfigureAwait(false);
            await DnsQueries.RunAsync(_network.Frontend, _network.Dns, _network.Dns.Ipv4, 10, 1, cancellation).ConfigureAwait(false);
            await StillAsync(cancellation).ConfigureAwait(false);
            IReadOnlyList<Conversation> seen = await tshark.StopAsync(cancellation).ConfigureAwait(false);
            return ConnLog.Of(seen, PodNames.Read(Path.Combine(map, "pods.tsv")));
        }
    }

    /// <summary>Tells the agent to end, and waits for that.</summary>
    public async Task<(int? ExitCode, TimeSpan Took)> EndAgentAsync()
    {
        long start = Stopwatch.GetTimestamp();
        int? code = await _agent.EndAsync().ConfigureAwait(false);
        return (code, Stopwatch.GetElapsedTime(start));
    }

    public async ValueTask DisposeAsync()
    {
        await _agent.DisposeAsync().ConfigureAwait(false);
        await _sensor.DisposeAsync().ConfigureAwait(false);
        _network.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
