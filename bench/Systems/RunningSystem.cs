using HostAgent.Lab;
using HostAgent.Observability;

namespace HostAgent.Bench.Systems;

/// <summary>A way to mirror while it does so.</summary>
internal class RunningSystem : IAsyncDisposable
{
    /// <summary>The process that mirrors; null when the kernel alone does, or nobody.</summary>
    public virtual int? ProcessId => null;

    /// <summary>What it says of itself; null when there is nobody to ask.</summary>
    public virtual Task<AgentReading?> ReadAsync(CancellationToken cancellation) => Task.FromResult<AgentReading?>(null);

    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}
