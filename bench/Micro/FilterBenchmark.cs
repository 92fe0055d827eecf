using BenchmarkDotNet.Attributes;
using HostAgent.Capture;
using HostAgent.Filters;

namespace HostAgent.Bench.Micro;

/// <summary>What a filter costs the sender for a frame that the kernel has accepted. Needs libpcap, which compiles it.</summary>
public unsafe class FilterBenchmark
{
    private static readonly byte[] Frame = GC.AllocateArray<byte>(2048, pinned: true);
    private FrameFilter _filter = null!;
    private int _length;

    [Params("tcp port 443 or udp port 53", "not (net 10.1.0.0/16 and tcp portrange 30000-32767)")]
    public string Expression { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        _filter = FrameFilter.Compile(Expression);
        byte[] frame = FrameBlocks.SmallUdp();
        _length = frame.Length;
        frame.CopyTo(Frame, 0);
    }

    [Benchmark]
    public bool Matches()
    {
        fixed (byte* frame = Frame) return _filter.Matches(frame, _length);
    }
}
