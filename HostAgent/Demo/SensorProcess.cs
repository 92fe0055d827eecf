using System.Threading.Channels;
using HostAgent.Lab;

namespace HostAgent.Demo;

/// <summary>The receiver (<see cref="SensorCommand"/>) as the demo holds it.</summary>
internal sealed class SensorProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly ChildProcess _process;

    private SensorProcess(ChildProcess process) => _process = process;

    /// <summary>Starts it in the sensor's namespace; when this returns, nothing on the link escapes it.</summary>
    public static async Task<SensorProcess> StartAsync(PodNetwork sensor, CancellationToken cancellation)
    {
        var process = ChildProcess.Start(sensor.Namespace, [.. OwnProgram.Command, SensorCommand.Name, PodNetwork.Link]);
        var made = new SensorProcess(process);
        try
        {
            // It answers only when it sniffs.
            await made.ReportAsync(cancellation).ConfigureAwait(false);
            return made;
        }
        catch
        {
            await made.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>What it has seen up to now.</summary>
    public async Task<SensorReport> ReportAsync(CancellationToken cancellation)
    {
        try
        {
            await _process.WriteLineAsync("report", cancellation).ConfigureAwait(false);
            string line = await _process.ReadLineAsync(cancellation).AsTask().WaitAsync(Patience, cancellation).ConfigureAwait(false);
            return SensorReport.FromJson(line);
        }
        catch (Exception e) when (e is ChannelClosedException or IOException or TimeoutException)
        {
            throw new InvalidOperationException($"the receiver does not answer: {e.Message}\n{_process.Errors}", e);
        }
    }

    /// <summary>Closes its stdin and waits for its last report.</summary>
    public async Task<SensorReport> EndAsync()
    {
        _process.CloseInput();
        string line = await _process.ReadLineAsync(CancellationToken.None).AsTask().WaitAsync(Patience).ConfigureAwait(false);
        await _process.WaitAsync(Patience).ConfigureAwait(false);
        return SensorReport.FromJson(line);
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
