using System.Text.Json;
using HostAgent.Bench.Measuring;
using HostAgent.Bench.Sensors;
using HostAgent.Bench.Systems;
using HostAgent.Bench.Traffic;
using HostAgent.Lab;

namespace HostAgent.Bench;

/// <summary>
/// The ways to mirror, side by side: the same traffic with each of them in turn, several times over, so that whatever else the machine does
/// falls on all alike. Everything happens in namespaces made for the purpose, which are removed at the end, or by the next run.
/// </summary>
internal sealed class SystemBenchmark : IAsyncDisposable
{
    public const string Prefix = "hostagent-bench";

    private const string Agent = "agent";
    private const string Before = "agent-before";

    private static readonly TimeSpan Recovery = TimeSpan.FromSeconds(2);

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private readonly BenchOptions _options;
    private readonly string _folder;
    private readonly BenchNetwork _network;
    private readonly Dictionary<LoadPath, LoadProcess> _loads;
    private readonly MirrorSystem[] _systems;
    private readonly List<Sample> _samples = [];

    private SystemBenchmark(BenchOptions options)
    {
        _options = options;
        string name = Owned.Name(Prefix);
        _folder = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), name)).FullName;
        new StreamFiles(_folder).Make();
        _network = new BenchNetwork(name);
        _loads = new Dictionary<LoadPath, LoadProcess>
        {
            [LoadPath.ToMirroredPod] = new(_network.Node, _network.Client.Namespace, _network.Server.Namespace),
            [LoadPath.BetweenOtherPods] = new(_network.Node, _network.Passerby.Namespace, _network.Bystander.Namespace),
            [LoadPath.OnLoopback] = new(_network.Node, _network.Node, _network.Node),
        };
        _systems = [.. All(options, _folder).Where(s => options.Systems.Contains(s.Kind) || s.Name == Before)];
    }

    public static IReadOnlyList<MirrorSystem> All(BenchOptions options, string folder) =>
    [
        new NoMirror(), new KernelMirror(finished: false), new KernelMirror(finished: true), new BpfMirror(folder),
        .. options.Before is { } before ? [new AgentMirror(Before, before, folder, inScope: true)] : Array.Empty<MirrorSystem>(),
        .. options.Segments.Select(segments => new AgentMirror(Agent, options.Agent, folder, inScope: true, segments)),
        .. options.Slices.Select(slice => new AgentMirror(Agent, options.Agent, folder, inScope: true, slice: slice)),
        new AgentMirror("agent-empty", options.Agent, folder, inScope: false),
        new AskedAgentMirror(new AgentMirror(Agent, options.Agent, folder, inScope: true)),
    ];

    /// <summary>Measures everything that was asked for, and tells of each sample as it comes.</summary>
    public static async Task<IReadOnlyList<Sample>> RunAsync(BenchOptions options, TextWriter progress, CancellationToken cancellation)
    {
        foreach (string left in Owned.RemoveLeftovers(Prefix)) await progress.WriteLineAsync($"removed what an earlier run left: {left}");
        var benchmark = new SystemBenchmark(options);
        await using (benchmark)
        {
            foreach (MirrorSystem system in benchmark._systems)
            {
                if (system.Missing is { } missing) await progress.WriteLineAsync($"{system.Name} is left out: {missing}");
            }

            await benchmark.MeasureAsync(progress, cancellation);
            return benchmark._samples;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (LoadProcess load in _loads.Values) await load.DisposeAsync();
        _network.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task MeasureAsync(TextWriter progress, CancellationToken cancellation)
    {
        foreach (bool idlePods in new[] { false, true })
        {
            Test[] tests = [.. _options.Tests.Where(t => t.NeedsIdlePods == idlePods)];
            if (tests.Length == 0) continue;
            if (idlePods) _network.AddIdlePods();
            for (int repetition = 0; repetition < _options.Repetitions; repetition++)
            {
                foreach (SensorKind kind in _options.Sensors) await MeasureAsync(tests, kind, repetition, progress, cancellation);
            }
        }
    }

    private async Task MeasureAsync(
        IReadOnlyList<Test> tests, SensorKind kind, int repetition, TextWriter progress, CancellationToken cancellation)
    {
        await using SensorProcess<SensorCounts> sensor = _network.StartSensor(kind, _folder);
        foreach (MirrorSystem system in repetition % 2 == 0 ? _systems : _systems.Reverse())
        {
            if (system.Missing is not null || !system.Serves(kind)) continue;
            await using RunningSystem running = await system.StartAsync(_network, kind, cancellation);
            var stage = new Stage(_network, kind, sensor, system, running, _loads, repetition);
            Test[] applicable = [.. tests.Where(t => t.AppliesTo(stage))];
            if (applicable.Length > 0) await stage.WarmUpAsync(cancellation);
            foreach (Test test in applicable)
            {
                Sample sample = await test.RunAsync(stage, _options.Seconds, cancellation);
                _samples.Add(sample);
                if (test.Overloads) await Task.Delay(Recovery, cancellation);
                await progress.WriteLineAsync(
                    $"  {repetition + 1} {sample.Sensor,-9} {sample.System,-10} {sample.Test,-6} "
                    + $"cpu {sample.Cpu.Total:N2} s, delivered {sample.Delivered:P2}, "
                    + $"production {sample.Production:N2} {test.Unit}, others {sample.Cpu.Others:N2} cores{LossesOf(sample)}");
                if (_options.Json is not null)
                    await File.WriteAllTextAsync(_options.Json, JsonSerializer.Serialize(_samples, Indented), cancellation);
            }
        }
    }

    private static string LossesOf(Sample sample) =>
        sample.Ledger is { Losses.Count: > 0 } ledger ? ", lost " + string.Join(" ", ledger.Losses.Select(l => $"{l.Key} {l.Value}")) : "";
}
