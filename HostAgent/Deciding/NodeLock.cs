using System.Net.Sockets;
using System.Runtime.InteropServices;
using HostAgent.Accounts;
using HostAgent.Interop;
using Microsoft.Extensions.Logging;

namespace HostAgent.Deciding;

/// <summary>
/// One agent on a node, since two would deliver every frame twice: who mirrors holds the name of an abstract Unix socket. There is one of
/// that name in each network namespace, which is what agents share; it takes no right and no file, and the kernel gives it back whatever
/// becomes of the holder. A standby keeps a connection to the holder, and is told of its end by the end of that. Anybody in the namespace
/// can take the name, so only a holder that the kernel says is root's (SO_PEERCRED) is taken for an agent: another could else keep the node
/// from being seen.
/// </summary>
internal sealed class NodeLock(ILogger<NodeLock> logger) : IWarns, IDisposable
{
    /// <summary>As ss(8) lists it: @host-agent.</summary>
    public const string Name = "\0host-agent";

    private const uint Root = 0;
    private const int Tries = 50;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _released = new();
    private Socket? _listener;

    /// <summary>Why another agent would not be noticed, as a sentence for an operator; null when it would.</summary>
    public string? Warning { get; private set; }

    public IEnumerable<string> Warnings() => Warning is { } problem ? [problem] : [];

    /// <summary>
    /// Makes this agent the one that mirrors. One that cannot, because the name is a stranger's, goes on all the same, with a
    /// <see cref="Warning"/>.
    /// </summary>
    /// <param name="wait">Whether to wait for the end of an agent that runs.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <returns>False when it was cancelled.</returns>
    /// <exception cref="IOException">Another agent runs, and it is not to be waited for; the message says so.</exception>
    public async Task<bool> TakeAsync(bool wait, CancellationToken cancellation)
    {
        try
        {
            bool said = false;
            for (int tries = 0; !TryTake(); tries++)
            {
                if (tries > 0) await Task.Delay(Pause, cancellation);
                (Socket? connection, SysSocket.ucred holder, string? failure) = await AskAsync(cancellation);
                using (connection)
                {
                    if (connection is null)
                    {
                        // It is just going, or just coming.
                        if (tries < Tries) continue;
                        GoOn($"is held by a process that does not answer ({failure}), so by no agent");
                        return true;
                    }

                    if (holder.uid != Root)
                    {
                        GoOn($"is held by a process of user {holder.uid}{Process(holder)}, so by no agent");
                        return true;
                    }

                    if (!wait)
                    {
                        throw new IOException(
                            $"another host-agent runs on this node{Process(holder)}, and two would send every frame twice: "
                            + "end that one first, or start this one with --standby, which waits and takes over when it ends");
                    }

                    if (!said)
                    {
                        logger.LogInformation(
                            "Standing by: another agent mirrors on this node{Process}; this one takes over when it ends", Process(holder));
                    }

                    said = true;
                    await EndAsync(connection, cancellation);
                    tries = 0;
                }
            }

            return true;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>Lets the next one mirror. To be called as soon as this one captures no more.</summary>
    public void Release()
    {
        // First the name, then those who wait for it.
        _listener?.Dispose();
        _released.Cancel();
    }

    public void Dispose()
    {
        Release();
        _released.Dispose();
    }

    private static string Process(SysSocket.ucred holder) => holder.pid > 0 ? $", process {holder.pid}" : "";

    private void GoOn(string why)
    {
        Warning = $"the name @host-agent, by which the agents of a node find each other, {why}; this one mirrors all the same, "
            + "but it would not be noticed if another did; ss -xlp on the node tells who has the name: "
            + "end that process, and start the agent again";
        logger.LogWarning("{Warning}", Warning);
    }

    private bool TryTake()
    {
        if (_listener is not null) return true;
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(new UnixDomainSocketEndPoint(Name));
            socket.Listen();
        }
        catch (SocketException e)
        {
            socket.Dispose();
            if (e.SocketErrorCode == SocketError.AddressAlreadyInUse) return false;
            GoOn($"cannot be had ({e.Message})");
            return true;
        }

        _listener = socket;
        _ = AcceptAsync(socket, _released.Token);
        return true;
    }

    private static async Task<(Socket? Connection, SysSocket.ucred Holder, string? Failure)> AskAsync(CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(Name), limit.Token);
            return (socket, PeerOf(socket), null);
        }
        catch (Exception e) when (e is SocketException || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            socket.Dispose();
            return (null, default, e.Message);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task EndAsync(Socket connection, CancellationToken cancellation)
    {
        try
        {
            await connection.ReceiveAsync(new byte[1], cancellation);
        }
        catch (SocketException)
        {
            // Reset: it ended before it took the connection.
        }
    }

    /// <summary>Takes all connections, so that nobody fills the queue, and keeps root's.</summary>
    private static async Task AcceptAsync(Socket listener, CancellationToken released)
    {
        while (!released.IsCancellationRequested)
        {
            try
            {
                _ = KeepAsync(await listener.AcceptAsync(released), released);
            }
            catch (SocketException)
            {
                // No descriptor is left, for instance.
                await Task.Delay(Patience, released).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private static async Task KeepAsync(Socket peer, CancellationToken released)
    {
        using (peer)
        {
            try
            {
                if (PeerOf(peer).uid == Root) await EndAsync(peer, released);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException)
            {
                // Released, or it has gone.
            }
        }
    }

    private static SysSocket.ucred PeerOf(Socket socket)
    {
        SysSocket.ucred peer = default;
        socket.GetRawSocketOption(SysSocket.SOL_SOCKET, SysSocket.SO_PEERCRED, MemoryMarshal.AsBytes(new Span<SysSocket.ucred>(ref peer)));
        return peer;
    }
}
