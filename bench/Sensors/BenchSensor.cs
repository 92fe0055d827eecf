using System.Text.Json;
using System.Threading.Channels;
using HostAgent.Lab;

namespace HostAgent.Bench.Sensors;

/// <summary>The sensor as the benchmark holds it (<see cref="SensorCommand"/>).</summary>
internal sealed class BenchSensor : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ChildProcess _process;

    /// <param name="where">The sensor's namespace.</param>
    /// <param name="reads">"sniff" or "socket".</param>
    /// <param name="subject">The link to sniff, or the address to bind to.</param>
    public BenchSensor(NetworkNamespace where, string reads, string subject) =>
        _process = ChildProcess.Start(where, BenchmarkProgram.Executable, SensorCommand.Name, reads, subject);

    public int Id => _process.Id;

    /// <summary>Starts counting anew; when this returns, nothing that is sent escapes it.</summary>
    public async Task ResetAsync(bool verify, CancellationToken cancellation) => await AskAsync(verify ? "verify" : "reset", cancellation);

    public async Task<SensorCounts> ReportAsync(CancellationToken cancellation) =>
        JsonSerializer.Deserialize<SensorCounts>(await AskAsync("report", cancellation))!;

    public ValueTask DisposeAsync() => _process.DisposeAsync();

    private async Task<string> AskAsync(string order, CancellationToken cancellation)
    {
        try
        {
            await _process.WriteLineAsync(order, cancellation);
            return await _process.ReadLineAsync(cancellation).AsTask().WaitAsync(Patience, cancellation);
        }
        catch (Exception e) when (e is ChannelClosedException or IOException or TimeoutException)
        {
            throw new InvalidOperationException($"the sensor does not answer: {e.Message}\n{_process.Errors}", e);
        }
    }
}
