namespace HostAgent.Bench.Measuring;

/// <summary>One of the tests.</summary>
/// <param name="name">As on the command line and in tables.</param>
/// <param name="description">In a few words.</param>
internal abstract class Test(string name, string description)
{
    public string Name => name;

    public string Description => description;

    /// <summary>What <see cref="Sample.Production"/> is in.</summary>
    public abstract string Unit { get; }

    /// <summary>What the cost is in: "ns/frame", "ms/GB"; null when the test tells nothing about cost.</summary>
    public virtual string? CostUnit => null;

    /// <summary>True when the idle pods have to be there.</summary>
    public virtual bool NeedsIdlePods => false;

    /// <summary>True when it asks for more than can be done: what comes after has to wait until the systems have recovered.</summary>
    public virtual bool Overloads => false;

    /// <summary>False when there is nothing to be measured with this system and sensor.</summary>
    public virtual bool AppliesTo(Stage stage) => true;

    public abstract Task<Sample> RunAsync(Stage stage, double seconds, CancellationToken cancellation);

    /// <summary>All tests, in the order in which they run.</summary>
    public static IReadOnlyList<Test> All { get; } =
    [
        new TrafficTest("t1", "bulk TCP at 2 Gbit/s", Traffic.LoadKind.BulkTcp, 250e6),
        new TrafficTest("t2", "50,000 UDP datagrams/s of 64 bytes", Traffic.LoadKind.SmallUdp, 50_000),
        new TrafficTest("t3", "2,000 short TCP transactions/s", Traffic.LoadKind.ShortTcp, 2_000),
        new VerifyTest(),
        new TrafficTest("t1max", "bulk TCP flat out: what production is left", Traffic.LoadKind.BulkTcp, 0),
        new LadderTest("t1top", "the fastest bulk TCP without loss", Traffic.LoadKind.BulkTcp, [2, 3, 4, 5, 6, 8, 10, 12, 0], 125e6),
        new LadderTest(
            "t2top", "the most UDP datagrams/s without loss", Traffic.LoadKind.SmallUdp, [50, 100, 150, 200, 250, 300, 400, 0], 1e3),
        new BystanderTest("pods", "100,000 UDP datagrams/s between two other pods", LoadPath.BetweenOtherPods),
        new BystanderTest("lo", "100,000 UDP datagrams/s on the node's lo", LoadPath.OnLoopback),
        new IdleTest(),
    ];
}
