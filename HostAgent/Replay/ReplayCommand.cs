using System.Diagnostics;
using System.Globalization;
using System.Net;
using HostAgent.Accounts;
using HostAgent.Cluster;
using HostAgent.Commands;
using HostAgent.Deciding;
using HostAgent.Links;
using HostAgent.Observability;
using HostAgent.Pipeline;
using HostAgent.Policy;
using HostAgent.Sensors;
using Microsoft.Extensions.Logging;

namespace HostAgent.Replay;

/// <summary>
/// <c>host-agent replay</c>: the frames of a capture file through the very pipeline and tunnel that <c>run</c> has, to the policy's sensor,
/// so that detections can be tried on a quiet cluster. It captures nothing, so it may run beside an agent.
/// </summary>
internal static class ReplayCommand
{
    // A sensor that sniffs is silent: the kernel may have to ask for its MAC first.
    private static readonly TimeSpan SensorLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan SensorInterval = TimeSpan.FromMilliseconds(200);

    /// <summary>Replays until the file's end, or until cancelled, and prints the ledger's sum.</summary>
    /// <returns>0 when every frame is accounted for; 1 when not, or when the file is damaged.</returns>
    /// <exception cref="PolicyException">The policy file is not valid.</exception>
    /// <exception cref="IOException">The file cannot be replayed, there is no sensor, or the host refused; the message says
    /// which.</exception>
    public static async Task<int> RunAsync(AgentOptions options, ReplayOptions replay, CancellationToken cancellation)
    {
        using ILoggerFactory logs = AgentLog.Create(Environment.GetEnvironmentVariable(AgentLog.FormatVariable));
        ILogger logger = logs.CreateLogger("HostAgent.Replay");
        using var policy = new PolicyFile(options.PolicyFile, logs.CreateLogger<PolicyFile>());
        var file = new CaptureFile(replay.File);
        var output = new StreamWriter(Console.OpenStandardOutput(), bufferSize: 1 << 16);
        await using (output.ConfigureAwait(false))
        {
            PacketPrinter? printer = replay.Print ? new PacketPrinter(output, options.Filter) : null;
            var capture = new FileCapture(file, replay, printer,
                wait => logger.LogInformation(
                    "The next frame is due in {Wait}; --speed max does not wait",
                    wait.ToString(@"d\.hh\:mm\:ss", CultureInfo.InvariantCulture)));
            using var mirror = new Mirror(capture, 1, logs.CreateLogger<Mirror>(), options.Filter, options.NodeName);
            (SensorStatus target, PodCoverage pod) = await TargetAsync(options, replay, policy.Current, logs, cancellation)
                .ConfigureAwait(false);
            SensorStatus sensor = await ConnectAsync(mirror, target, policy.Current.Sensor, cancellation).ConfigureAwait(false);
            if (sensor.State != SensorState.Ready) throw new IOException(sensor.Reason);
            mirror.Apply([pod], target, policy.Current.Sensor);
            logger.LogInformation("Replaying {File} as {Pod} in VNI {Vni} to {Sensors}", replay.File, pod.Pod, pod.Rule!.Vni,
                string.Join(", ", sensor.Endpoints.Select(endpoint => $"{endpoint.Address} port {endpoint.Port}")));

            long start = Stopwatch.GetTimestamp();
            await capture.Ended.WaitAsync(cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            TimeSpan took = Stopwatch.GetElapsedTime(start);
            mirror.Drain(Mirror.DrainLimit);
            return await SumUpAsync(output, replay, capture, mirror.Ledger.Read(), printer, took).ConfigureAwait(false);
        }
    }

    /// <summary>Waits for a sensor that reads a stream: no frame is replayed to nobody.</summary>
    private static async Task<SensorStatus> ConnectAsync(
        Mirror mirror, SensorStatus target, SensorPolicy policy, CancellationToken cancellation)
    {
        for (long start = Stopwatch.GetTimestamp(); ; await Task.Delay(SensorInterval, cancellation).ConfigureAwait(false))
        {
            SensorStatus sensor = mirror.Apply([], target, policy);
            if (sensor.State != SensorState.Connecting || Stopwatch.GetElapsedTime(start) > SensorLimit) return sensor;
        }
    }

    private static async Task<int> SumUpAsync(
        TextWriter output, ReplayOptions replay, FileCapture capture, LedgerSnapshot ledger, PacketPrinter? printer, TimeSpan took)
    {
        bool whole = capture.Ended.IsCompletedSuccessfully && capture.Damage is null;
        string rounds = capture.Rounds > 1 ? $" in {capture.Rounds} rounds" : "";
        await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
            $"{replay.File}: {(whole ? "replayed" : "ended early after")} {ledger.Seen} frames{rounds} within {took.TotalSeconds:F1} s"))
            .ConfigureAwait(false);
        if (printer is { Undecoded: > 0 })
            await output.WriteLineAsync($"{printer.Undecoded} frames could not be decoded for printing").ConfigureAwait(false);
        await output.WriteLineAsync(ledger.InWords()).ConfigureAwait(false);
        await output.FlushAsync().ConfigureAwait(false);
        string? fault = capture.Damage is { } damage ? $"{replay.File}: {damage}; the frames before it were replayed"
            : capture.Ended.Exception?.GetBaseException().Message
            ?? (ledger.InFlight != 0 ? $"the ledger does not balance: {ledger.InFlight} frames are unaccounted for" : null);
        if (fault is null) return 0;
        await Console.Error.WriteLineAsync(fault).ConfigureAwait(false);
        return 1;
    }

    /// <summary>Who receives, and whose the frames are said to be.</summary>
    private static async Task<(SensorStatus Sensor, PodCoverage Pod)> TargetAsync(
        AgentOptions options, ReplayOptions replay, MirrorPolicy policy, ILoggerFactory logs, CancellationToken cancellation)
    {
        // A sensor given by its address needs no cluster.
        bool asks = policy.Sensor.Address is null || replay.Pod is not null
            || options.ClusterFile is not null || options.Kubeconfig is not null;
        ClusterSource? cluster = asks ? new ClusterSource(options.ClusterFile, options.Kubeconfig, options.NodeName, logs) : null;
        using NodeView node = await NodeView.OpenAsync(cluster, logs, cancellation).ConfigureAwait(false);
        Survey survey = node.NewSurvey();
        for (long start = Stopwatch.GetTimestamp(); ; await Task.Delay(SensorInterval, cancellation).ConfigureAwait(false))
        {
            (SensorStatus sensor, Coverage coverage) = node.Take(survey, policy);
            PodCoverage pod = Attributed(options, replay, policy, coverage);
            if (sensor.State == SensorState.Ready) return (sensor, pod);
            if (Stopwatch.GetElapsedTime(start) > SensorLimit) throw new IOException($"there is no sensor to replay to: {sensor.Reason}");
        }
    }

    private static PodCoverage Attributed(AgentOptions options, ReplayOptions replay, MirrorPolicy policy, Coverage coverage)
    {
        var link = new LinkMatch(new Link { Index = FileCapture.Link, Name = "replay" }, IPAddress.None, FoundBy.Route);
        if (replay.Pod is not { } name)
        {
            var nobody = new Pod { Uid = "replay", Namespace = "replay", Name = Path.GetFileName(replay.File) };
            return new PodCoverage(
                nobody, new MirrorRule("replay", LabelSelector.Everything, LabelSelector.Everything, policy.OwnVni),
                PodState.Captured, null, [link]);
        }

        PodCoverage found = coverage.Pods.FirstOrDefault(pod => pod.Pod.ToString() == name)
            ?? throw new IOException($"--pod {name}: there is no such pod on node {options.NodeName}; 'host-agent check' lists them");
        if (found.Rule is null) throw new IOException($"--pod {name}: the policy does not select it ({found.Reason}), so it has no VNI");
        return found with { State = PodState.Captured, Reason = null, Links = [link] };
    }
}
