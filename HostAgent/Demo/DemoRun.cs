using System.Diagnostics;
using System.Net;
using HostAgent.Lab;

namespace HostAgent.Demo;

/// <summary>
/// One run of the demo: the network, the receiver and the agent, from the first frame to the verdict. Disposing it removes them all.
/// </summary>
internal sealed class DemoRun : IAsyncDisposable
{
    /// <summary>The agent's promise is to end within 5 s of SIGTERM.</summary>
    private static readonly TimeSpan EndingLimit = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan StillLimit = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);
    private static readonly IPEndPoint Listen = new(IPAddress.Loopback, 9460);

    private readonly DemoNetwork _network;
    private readonly DemoFiles _files;
    private readonly SensorProcess<SensorReport> _sensor;
    private readonly ChildProcess _agent;
    private readonly AgentClient _client;

    private DemoRun(DemoNetwork network, DemoFiles files, SensorProcess<SensorReport> sensor, ChildProcess agent)
    {
        _network = network;
        _files = files;
        _sensor = sensor;
        _agent = agent;
        _client = new AgentClient(network.Node.Namespace, Listen);
    }

    /// <param name="name">For the namespaces and the temporary folder.</param>
    /// <param name="cancellation">Removes what was already made.</param>
    public static async Task<DemoRun> StartAsync(string name, CancellationToken cancellation)
    {
        DemoNetwork? network = null;
        DemoFiles? files = null;
        SensorProcess<SensorReport>? sensor = null;
        try
        {
            network = new DemoNetwork(name);
            files = new DemoFiles(name, network);
            sensor = await SniffingSensor.StartAsync(network.Sensor, cancellation).ConfigureAwait(false);
            var agent = ChildProcess.Start(network.Node.Namespace,
                [
                    .. OwnProgram.Command, "run", "--policy", files.Policy, "--cluster-file", files.Cluster,
                    "--node-name", DemoNetwork.NodeName, "--listen", Listen.ToString(),
                ]);
            return new DemoRun(network, files, sensor, agent);
        }
        catch
        {
            if (sensor is not null) await sensor.DisposeAsync().ConfigureAwait(false);
            files?.Dispose();
            network?.Dispose();
            throw;
        }
    }

    /// <summary>Waits until the agent captures every pod in scope and has its sensor.</summary>
    public async Task<AgentReading> ReadyAsync(CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        string obstacle = "";
        while (Stopwatch.GetElapsedTime(start) < StartLimit && !_agent.HasExited)
        {
            try
            {
                AgentReading reading = await _client.ReadAsync(cancellation).ConfigureAwait(false);
                if (reading.Status.Sensor.State == "ready" && reading.InScope.Any() && reading.InScope.All(pod => pod.State == "captured"))
                    return reading;
                obstacle = $"sensor {reading.Status.Sensor.State} {reading.Status.Sensor.Reason}; "
                    + string.Join("; ", reading.InScope.Select(pod => $"{pod.Namespace}/{pod.Name} {pod.State} {pod.Reason}"));
            }
            catch (HttpRequestException e)
            {
                obstacle = e.Message;
            }

            await Task.Delay(Interval, cancellation).ConfigureAwait(false);
        }

        throw new InvalidOperationException(
            $"the agent {(_agent.HasExited ? "has ended" : "does not capture all pods")}: {obstacle}\n{_agent.Unread}\n{_agent.Errors}"
                .TrimEnd());
    }

    /// <summary>Lets the traffic run for a time and shows the agent's readings meanwhile.</summary>
    /// <returns>What was carried, in words.</returns>
    public async Task<string> TrafficAsync(TimeSpan duration, TextWriter? lines, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task<string> traffic = DemoTraffic.RunAsync(_network, stop.Token);
        Task view = new DemoView().ShowAsync(duration, lines, _client.ReadAsync, stop.Token);
        await Task.WhenAny(traffic, view, Task.Delay(duration, stop.Token)).ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        // Both, whatever becomes of either: a socket left open would keep its namespace alive.
        await Task.WhenAll(traffic, view).ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
        return await traffic.ConfigureAwait(false);
    }

    /// <summary>The links' own count and the agent's, of the same moment: of one at which nothing moves.</summary>
    public async Task<(AgentReading Agent, long FramesOnLinks, SensorReport Sensor)> StillAsync(CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            AgentReading before = await _client.ReadAsync(cancellation).ConfigureAwait(false);
            long frames = _network.FramesOnLinks();
            SensorReport report = await _sensor.ReportAsync(cancellation).ConfigureAwait(false);
            await Task.Delay(Interval, cancellation).ConfigureAwait(false);
            AgentReading after = await _client.ReadAsync(cancellation).ConfigureAwait(false);
            bool still = frames == _network.FramesOnLinks() && before.Ledger.Seen == after.Ledger.Seen
                && before.Ledger.Segments == after.Ledger.Segments
                && before.Ledger.InFlight == 0;
            if (still || Stopwatch.GetElapsedTime(start) > StillLimit) return (after, frames, report);
        }
    }

    /// <summary>Tells the agent to end, and waits for that.</summary>
    public async Task<(int? ExitCode, TimeSpan Took)> EndAgentAsync()
    {
        long start = Stopwatch.GetTimestamp();
        _agent.Terminate();
        int? code = await _agent.WaitAsync(EndingLimit).ConfigureAwait(false);
        return (code, Stopwatch.GetElapsedTime(start));
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _agent.DisposeAsync().ConfigureAwait(false);
        await _sensor.DisposeAsync().ConfigureAwait(false);
        _files.Dispose();
        _network.Dispose();
    }
}
