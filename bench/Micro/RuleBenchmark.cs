using BenchmarkDotNet.Attributes;
using HostAgent.Filters;
using HostAgent.Lab;
using HostAgent.Pipeline;
using HostAgent.Policy;

namespace HostAgent.Bench.Micro;

/// <summary>
/// What the keys of a rule cost for a small frame that goes out, the send call included. Needs libpcap, which compiles the expressions.
/// </summary>
public class RuleBenchmark
{
    private SendPath _path = null!;
    private FrameSender _sender = null!;
    private MemoryBlock _block = null!;

    /// <summary>The keys that the rule has.</summary>
    [Params("none", "filter", "always", "filter, always")]
    public string Keys { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        FrameFilter wanted = FrameFilter.Compile("tcp port 443 or udp");
        RuleTraffic traffic = RuleTraffic.All;
        if (Keys.Contains("filter", StringComparison.Ordinal)) traffic = traffic with { Filter = wanted };
        // A sample that the frame is exempt from.
        if (Keys.Contains("always", StringComparison.Ordinal))
            traffic = traffic with { Always = wanted, Sample = new SampleShare(1, SampleShare.Finest) };
        _path = new SendPath();
        _sender = _path.NewSender(traffic);
        _block = FrameBlocks.Of(FrameKind.SmallUdp);
    }

    [GlobalCleanup]
    public void Cleanup() => _path.Dispose();

    [Benchmark(OperationsPerInvoke = FrameBlocks.Frames)]
    public void Send()
    {
        _sender.Send(_block);
        _block.Dispose();
    }
}
