using HostAgent.Accounts;

namespace HostAgent.Governing;

/// <summary>Reads what the governor goes by; some small files of the kernel, once a second.</summary>
/// <param name="ledger">As it is at the moment.</param>
/// <param name="clock">For the time of a reading.</param>
internal sealed class NodeReader(Func<LedgerSnapshot> ledger, TimeProvider clock)
{
    private readonly CpuCgroup? _cgroup = CpuCgroup.Own();

    public NodeReading Read() => new(clock.GetElapsedTime(0), Environment.CpuUsage.TotalTime, ledger())
    {
        Quota = _cgroup?.Quota(),
        Periods = _cgroup?.Periods() ?? default,
        Pressure = NodePressure.Read(),
        Softnet = SoftnetCounts.Read(),
    };
}
