using HostAgent.Bench.Sensors;
using HostAgent.Bench.Systems;
using HostAgent.Bench.Traffic;
using HostAgent.Lab;
using HostAgent.Observability;

namespace HostAgent.Bench.Measuring;

/// <summary>One system at work with one sensor: everything that a test needs.</summary>
internal sealed class Stage(
    BenchNetwork network, SensorKind kind, SensorProcess<SensorCounts> sensor, MirrorSystem system,
    RunningSystem running, IReadOnlyDictionary<LoadPath, LoadProcess> loads, int repetition)
{
    /// <summary>Longer than anything is on its way, and than the sensor takes to read what it has.</summary>
    private static readonly TimeSpan Drain = TimeSpan.FromMilliseconds(500);

    /// <summary>The compiler works off its queue in the background.</summary>
    private static readonly TimeSpan Compilation = TimeSpan.FromSeconds(2);

    public BenchNetwork Network => network;

    public SensorKind SensorKind => kind;

    public bool Mirrors => system.Mirrors;

    public int Repetition => repetition;

    public string SystemName => system.Name;

    public Task<LoadResult> LoadAsync(LoadPath path, LoadKind load, double rate, double seconds, CancellationToken cancellation)
    {
        string address = path switch
        {
            LoadPath.ToMirroredPod => network.Server.Ipv4.ToString(),
            LoadPath.BetweenOtherPods => network.Bystander.Ipv4.ToString(),
            _ => "127.0.0.1",
        };
        return loads[path].RunAsync(new LoadOrder(load, address, rate, seconds), cancellation);
    }

    /// <summary>Every kind of traffic for a while, so that all code involved is compiled to its final form before it is measured.</summary>
    public async Task WarmUpAsync(CancellationToken cancellation)
    {
        await LoadAsync(LoadPath.ToMirroredPod, LoadKind.SmallUdp, 50_000, 1, cancellation);
        await LoadAsync(LoadPath.ToMirroredPod, LoadKind.BulkTcp, 250e6, 1, cancellation);
        await LoadAsync(LoadPath.ToMirroredPod, LoadKind.ShortTcp, 1000, 0.5, cancellation);
        await Task.Delay(Compilation, cancellation);
        await sensor.OrderAsync("reset", cancellation);
    }

    /// <summary>Runs traffic and measures what it took and what the sensor got.</summary>
    /// <param name="test">Its name.</param>
    /// <param name="traffic">The traffic.</param>
    /// <param name="verify">Have the sensor judge every frame, which costs it a lot.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <returns>A sample in frames, with the datagrams and transactions of <paramref name="traffic"/> as production.</returns>
    public async Task<Sample> MeasureAsync(string test, Func<Task<LoadResult>> traffic, bool verify, CancellationToken cancellation)
    {
        await sensor.OrderAsync(verify ? "verify" : "reset", cancellation);
        var meter = new CpuMeter(loads.Values.Select(l => l.Id), [sensor.Id], running.ProcessId is { } pid ? [pid] : []);
        AgentReading? before = await running.ReadAsync(cancellation);
        long framesBefore = network.ReadLink().Frames;
        CpuUse cpuBefore = meter.Read();
        LoadResult load = await traffic();
        await Task.Delay(Drain, cancellation);
        CpuUse cpu = meter.Read() - cpuBefore;
        long frames = network.ReadLink().Frames - framesBefore;
        SensorCounts received = await sensor.ReportAsync(cancellation);
        AgentReading? after = await running.ReadAsync(cancellation);
        return new Sample
        {
            Sensor = kind.ToString(),
            Test = test,
            System = system.Name,
            Repetition = repetition,
            Cpu = cpu,
            Production = load.Sent / load.Seconds,
            Frames = frames,
            Units = frames,
            Load = load,
            Received = received,
            Ledger = before is null || after is null ? null : LedgerChange.Between(before, after),
            ResidentMegabytes = running.ProcessId is { } process ? ProcessStatus.KiB(process, "VmRSS") / 1024.0 : null,
        };
    }
}
