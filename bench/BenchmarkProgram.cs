using BenchmarkDotNet.Running;

namespace HostAgent.Bench;

/// <summary>Microbenchmarks of the hot path.</summary>
public static class BenchmarkProgram
{
    public static void Main(string[] args) => BenchmarkSwitcher.FromAssembly(typeof(BenchmarkProgram).Assembly).Run(args);
}
