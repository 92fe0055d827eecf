using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using HostAgent.Observability;

namespace HostAgent.Lab;

/// <summary>An agent at work in a namespace that stands for a node; killed when disposed, should it still run.</summary>
internal sealed class AgentProcess : IAsyncDisposable
{
    /// <summary>The agent's promise is to end within so long of SIGTERM.</summary>
    public static readonly TimeSpan EndingLimit = TimeSpan.FromSeconds(5);

    /// <summary>Where it listens, in its namespace.</summary>
    public static readonly IPEndPoint Listen = new(IPAddress.Loopback, 9460);

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly ChildProcess _process;
    private readonly AgentClient _client;

    /// <param name="node">Where it runs.</param>
    /// <param name="command">The program and its first arguments, or a program that runs it.</param>
    /// <param name="files">Its policy and its cluster.</param>
    /// <param name="further">Further arguments of <c>run</c>.</param>
    public AgentProcess(NetworkNamespace node, string[] command, AgentFiles files, params string[] further)
    {
        _process = ChildProcess.Start(node, [.. command, "run", .. files.Options, "--listen", Listen.ToString(), .. further]);
        _client = new AgentClient(Listen, cancellation => ConnectAsync(node, cancellation));
    }

    public int Id => _process.Id;

    /// <summary>The last lines of its log.</summary>
    public string Log => _process.Errors;

    /// <summary>What it says of itself now.</summary>
    /// <exception cref="InvalidOperationException">It does not answer; the message holds its log.</exception>
    public async Task<AgentReading> ReadAsync(CancellationToken cancellation)
    {
        try
        {
            return await _client.ReadAsync(cancellation).ConfigureAwait(false);
        }
        catch (HttpRequestException e)
        {
            throw Failure($"the agent does not answer: {e.Message}");
        }
    }

    /// <summary>The value of a metric without labels.</summary>
    /// <exception cref="InvalidOperationException">There is no such metric.</exception>
    public async Task<double> MetricAsync(string name, CancellationToken cancellation) =>
        await _client.MetricAsync(name, cancellation).ConfigureAwait(false) ?? throw Failure($"the agent has no metric {name}");

    /// <summary>Waits until it captures so many pods and has its sensor.</summary>
    public Task<AgentReading> ReadyAsync(int pods, TimeSpan limit, CancellationToken cancellation) =>
        UntilAsync($"{pods} pods captured, sensor ready",
            reading => reading.Status.Sensor.State == "ready" && reading.Captured.Count() == pods, limit, cancellation);

    /// <summary>Waits until it says of itself what is expected.</summary>
    /// <param name="what">What is expected, for the message when it does not come.</param>
    /// <param name="condition">Asked of every reading.</param>
    /// <param name="limit">How long it may take.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <param name="pause">Between two readings; a tenth of a second when it is not given.</param>
    /// <exception cref="InvalidOperationException">It has ended, or it took too long; the message says how far it came.</exception>
    public async Task<AgentReading> UntilAsync(
        string what, Func<AgentReading, bool> condition, TimeSpan limit, CancellationToken cancellation, TimeSpan? pause = null)
    {
        for (long start = Stopwatch.GetTimestamp(); ; await Task.Delay(pause ?? Interval, cancellation).ConfigureAwait(false))
        {
            string now;
            try
            {
                AgentReading reading = await _client.ReadAsync(cancellation).ConfigureAwait(false);
                if (condition(reading)) return reading;
                now = reading.ToString();
            }
            catch (HttpRequestException e)
            {
                now = e.Message;
            }

            if (_process.HasExited) throw Failure($"the agent has ended before this: {what}; {now}");
            if (Stopwatch.GetElapsedTime(start) > limit)
                throw Failure($"the agent has not come to this within {limit.TotalSeconds:N0} s: {what}; {now}");
        }
    }

    /// <summary>Sends SIGTERM, and waits for its end.</summary>
    /// <returns>The exit code; null when it still runs after <see cref="EndingLimit"/>.</returns>
    public Task<int?> EndAsync()
    {
        _process.Terminate();
        return _process.WaitAsync(EndingLimit);
    }

    /// <summary>Waits for the end to which it comes by itself.</summary>
    /// <returns>The exit code; null when it still runs after <paramref name="patience"/>.</returns>
    public Task<int?> WaitAsync(TimeSpan patience) => _process.WaitAsync(patience);

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        return _process.DisposeAsync();
    }

    private static async ValueTask<Stream> ConnectAsync(NetworkNamespace node, CancellationToken cancellation)
    {
        Socket socket = node.OpenSocket(Listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(Listen, cancellation).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private InvalidOperationException Failure(string message) => new($"{message}\n{_process.Unread}\n{Log}".TrimEnd());
}
