namespace HostAgent.Bench.Measuring;

/// <summary>CPU seconds: a reading, or the difference of two.</summary>
/// <param name="Load">The pods' own programs.</param>
/// <param name="Sensor">The sensor's process.</param>
/// <param name="Mirror">The agent's process; 0 for the others.</param>
/// <param name="SoftIrq">The ksoftirqd threads, which carry packets when there are many. What is not there is done in the context of
/// whoever sends.</param>
/// <param name="Machine">Everything on the machine.</param>
/// <param name="Wall">Seconds that passed.</param>
internal readonly record struct CpuUse(double Load, double Sensor, double Mirror, double SoftIrq, double Machine, double Wall)
{
    /// <summary>Everything that the benchmark runs.</summary>
    public double Total => Load + Sensor + Mirror + SoftIrq;

    /// <summary>What others used meanwhile, in cores: the noise.</summary>
    public double Others => Math.Max(0, Machine - Total) / Wall;

    public static CpuUse operator -(CpuUse a, CpuUse b) =>
        new(a.Load - b.Load, a.Sensor - b.Sensor, a.Mirror - b.Mirror, a.SoftIrq - b.SoftIrq, a.Machine - b.Machine, a.Wall - b.Wall);

    public static CpuUse Subtract(CpuUse left, CpuUse right) => left - right;
}
