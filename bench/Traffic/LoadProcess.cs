using System.Text.Json;
using HostAgent.Lab;

namespace HostAgent.Bench.Traffic;

/// <summary>The traffic between two namespaces, as the benchmark holds it (<see cref="LoadCommand"/>).</summary>
internal sealed class LoadProcess : IAsyncDisposable
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(30);

    private readonly ChildProcess _process;

    /// <param name="home">Where the process itself is, and is found when the benchmark was killed.</param>
    /// <param name="from">The sending end.</param>
    /// <param name="to">The receiving end.</param>
    public LoadProcess(NetworkNamespace home, NetworkNamespace from, NetworkNamespace to) =>
        _process = ChildProcess.Start(home, BenchmarkProgram.Executable, LoadCommand.Name, from.Path, to.Path);

    public int Id => _process.Id;

    public async Task<LoadResult> RunAsync(LoadOrder order, CancellationToken cancellation)
    {
        string line = await _process.AskAsync(
            $"the load {order.Kind} to {order.Address}", JsonSerializer.Serialize(order),
            TimeSpan.FromSeconds(order.Seconds) + Grace, cancellation);
        return JsonSerializer.Deserialize<LoadResult>(line)!;
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
