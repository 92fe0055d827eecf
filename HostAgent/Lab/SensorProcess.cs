namespace HostAgent.Lab;

/// <summary>A sensor's process (<see cref="SensorLoop"/>) as those hold it who started it.</summary>
/// <typeparam name="TReport">What it reports.</typeparam>
/// <param name="read">Reads a line that it answers.</param>
/// <param name="where">The sensor's namespace.</param>
/// <param name="command">The program and its arguments.</param>
internal sealed class SensorProcess<TReport>(Func<string, TReport> read, NetworkNamespace where, params string[] command)
    : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ChildProcess _process = ChildProcess.Start(where, command);

    public int Id => _process.Id;

    /// <summary>What it has seen up to now. When it answers for the first time, nothing that is sent afterwards escapes it.</summary>
    /// <exception cref="InvalidOperationException">It does not answer.</exception>
    public async Task<TReport> ReportAsync(CancellationToken cancellation) =>
        read(await OrderAsync("report", cancellation).ConfigureAwait(false));

    /// <summary>Has an order carried out.</summary>
    /// <returns>Its answer.</returns>
    /// <exception cref="InvalidOperationException">It does not answer.</exception>
    public Task<string> OrderAsync(string order, CancellationToken cancellation) =>
        _process.AskAsync("the sensor", order, Patience, cancellation);

    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
