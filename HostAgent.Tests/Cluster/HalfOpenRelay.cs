using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace HostAgent.Tests.Cluster;

/// <summary>
/// A TCP relay to a port on loopback whose connections can be frozen: open, but nothing passes, as after a node's silent death.
/// </summary>
internal sealed class HalfOpenRelay : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentBag<Socket> _sockets = [];
    private readonly int _target;
    private CancellationTokenSource _frozen = new();

    public HalfOpenRelay(int target)
    {
        _target = target;
        _listener.Start();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Freezes what is connected now; later connections pass.</summary>
    public void Freeze() => Interlocked.Exchange(ref _frozen, new CancellationTokenSource()).Cancel();

    public void Dispose()
    {
        _listener.Dispose();
        foreach (Socket socket in _sockets) socket.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Socket client = await _listener.AcceptSocketAsync();
                var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                _sockets.Add(client);
                _sockets.Add(server);
                await server.ConnectAsync(IPAddress.Loopback, _target);
                CancellationToken frozen = _frozen.Token;
                _ = PumpAsync(client, server, frozen);
                _ = PumpAsync(server, client, frozen);
            }
        }
        catch (Exception e) when (e is SocketException or InvalidOperationException)
        {
            // Disposed.
        }
    }

    private static async Task PumpAsync(Socket from, Socket to, CancellationToken frozen)
    {
        var buffer = new byte[16384];
        try
        {
            int read;
            while ((read = await from.ReceiveAsync(buffer, frozen)) > 0) await to.SendAsync(buffer.AsMemory(0, read), frozen);
            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // Frozen, or one side has gone.
        }
    }
}
