using System.Net;
using System.Net.Sockets;
using HostAgent.Accounts;
using HostAgent.Interop;
using HostAgent.Tunnel;
using Microsoft.Extensions.Logging;

namespace HostAgent.Relay;

/// <summary>Accepts agents. Strangers cost no more than a bounded number of handshakes at a time, each for a bounded time.</summary>
/// <param name="files">What is shown, and who is believed.</param>
/// <param name="book">The accounts.</param>
/// <param name="open">Makes the output for an account.</param>
/// <param name="logger">For who comes and goes.</param>
internal sealed class AgentListener(TlsFiles files, AccountBook book, Func<AgentAccount, IFrameOutput> open, ILogger logger)
{
    private const int MostHandshakes = 256, MostAgents = 256;

    private readonly Damper _refusals = new(20, TimeProvider.System);
    private readonly HashSet<Task> _running = [];
    private int _handshakes, _agents;

    /// <summary>Runs until cancelled, and until all connections have ended then.</summary>
    /// <exception cref="IOException">It cannot listen there.</exception>
    public async Task RunAsync(IPEndPoint address, CancellationToken cancellation)
    {
        using var listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.Bind(address);
            listener.Listen();
        }
        catch (SocketException e)
        {
            throw new IOException($"--listen {address} cannot be listened at: {e.Message}", e);
        }

        logger.LogInformation("Receiving from agents at {Address}", listener.LocalEndPoint);
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                Socket accepted = await listener.AcceptAsync(cancellation).ConfigureAwait(false);
                lock (_running)
                {
                    Task task = ServeAsync(accepted, cancellation);
                    if (task.IsCompleted) continue;
                    _running.Add(task);
                    _ = task.ContinueWith(Forget, TaskScheduler.Default);
                }
            }
            catch (OperationCanceledException)
            {
                break;
            }
            catch (SocketException e)
            {
                // Such as no descriptor left, which only time mends.
                Refuse($"a connection cannot be accepted ({e.Message})");
                await Task.Delay(100, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        Task[] left;
        lock (_running) left = [.. _running];
        await Task.WhenAll(left).ConfigureAwait(false);
    }

    private void Forget(Task task)
    {
        lock (_running) _running.Remove(task);
    }

    private async Task ServeAsync(Socket accepted, CancellationToken cancellation)
    {
        if (Volatile.Read(ref _handshakes) >= MostHandshakes)
        {
            accepted.Dispose();
            Refuse($"{MostHandshakes} connections do not say who they are: others are not accepted");
            return;
        }

        AgentConnection? connection = null;
        try
        {
            accepted.NoDelay = true;
            connection = new AgentConnection(EncryptedSocket.KeptAlive(accepted), files);
            await ServeAsync(connection, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TlsException or SocketException or IOException or ObjectDisposedException or ErrnoException)
        {
            Refuse(e.Message);
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
        finally
        {
            if (connection is not null) await connection.DisposeAsync().ConfigureAwait(false);
            else accepted.Dispose();
        }
    }

    private async Task ServeAsync(AgentConnection connection, CancellationToken cancellation)
    {
        bool entered = false;
        try
        {
            Interlocked.Increment(ref _handshakes);
            try
            {
                if (!await connection.GreetAsync(Enter, cancellation).ConfigureAwait(false)) return;
            }
            finally
            {
                Interlocked.Decrement(ref _handshakes);
            }

            logger.LogInformation("Agent {Agent} at {Peer}: connected", connection.Agent, connection.Peer);
            string how = await connection.ReceiveAsync(book, open, cancellation).ConfigureAwait(false);
            logger.LogInformation("Agent {Agent} at {Peer}: {How}", connection.Agent, connection.Peer, how);
        }
        finally
        {
            if (entered) Interlocked.Decrement(ref _agents);
        }

        // Strangers take no place: they are known as such before.
        string? Enter()
        {
            entered = Interlocked.Increment(ref _agents) <= MostAgents;
            if (entered) return null;
            Interlocked.Decrement(ref _agents);
            return $"it has {MostAgents} agents already";
        }
    }

    private void Refuse(string reason)
    {
        lock (_refusals)
        {
            _refusals.Happened();
            int times = _refusals.Due();
            if (times == 1) logger.LogWarning("{Reason}", reason);
            else if (times > 1) logger.LogWarning("{Reason}; and {Others} like it before", reason, times - 1);
        }
    }
}
