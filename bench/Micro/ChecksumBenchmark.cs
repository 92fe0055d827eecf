using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using HostAgent.Frames;

namespace HostAgent.Bench.Micro;

/// <summary>The Internet checksum against a plain copy of the same bytes: what finishing a checksum costs at least and at most.</summary>
public unsafe class ChecksumBenchmark
{
    private byte* _from;
    private byte* _to;

    [Params(64, 1448, 65_160)]
    public int Bytes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _from = (byte*)NativeMemory.AllocZeroed(1 << 17);
        _to = (byte*)NativeMemory.AllocZeroed(1 << 17);
    }

    [Benchmark(Baseline = true)]
    public void Copy() => NativeMemory.Copy(_from, _to, (nuint)Bytes);

    [Benchmark]
    public ulong Checksum() => InternetChecksum.Add(0, _from, Bytes);
}
