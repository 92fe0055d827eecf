using System.Net;
using System.Net.Sockets;

namespace HostAgent.Lab;

/// <summary>A port of this machine's loopback that leads into a namespace, so that a browser reaches what listens there.</summary>
internal sealed class PortForward : IAsyncDisposable
{
    private readonly CancellationTokenSource _ended = new();
    private readonly Socket _listener;
    private readonly Task _accepting;

    private PortForward(Socket listener, NetworkNamespace to, IPEndPoint target)
    {
        _listener = listener;
        _accepting = AcceptAsync(to, target, _ended.Token);
    }

    /// <summary>Where it listens: at the target's port, or where that is taken at another one.</summary>
    public IPEndPoint Address => (IPEndPoint)_listener.LocalEndPoint!;

    /// <param name="to">The namespace.</param>
    /// <param name="target">What listens in it.</param>
    public static PortForward Start(NetworkNamespace to, IPEndPoint target)
    {
        var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            try
            {
                listener.Bind(new IPEndPoint(IPAddress.Loopback, target.Port));
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            }

            listener.Listen();
            return new PortForward(listener, to, target);
        }
        catch
        {
            listener.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync().ConfigureAwait(false);
        await _accepting.ConfigureAwait(false);
        _listener.Dispose();
        _ended.Dispose();
    }

    private async Task AcceptAsync(NetworkNamespace to, IPEndPoint target, CancellationToken ended)
    {
        var connections = new List<Task>();
        try
        {
            while (true)
            {
                Socket accepted = await _listener.AcceptAsync(ended).ConfigureAwait(false);
                connections.RemoveAll(connection => connection.IsCompleted);
                connections.Add(CarryAsync(accepted, to, target, ended));
            }
        }
        catch (OperationCanceledException)
        {
            // A socket left open would keep the namespace alive.
            await Task.WhenAll(connections).ConfigureAwait(false);
        }
    }

    /// <summary>Until either side closes.</summary>
    private static async Task CarryAsync(Socket accepted, NetworkNamespace to, IPEndPoint target, CancellationToken ended)
    {
        using var done = CancellationTokenSource.CreateLinkedTokenSource(ended);
        try
        {
            using var here = new NetworkStream(accepted, ownsSocket: true);
            using Socket socket = to.OpenSocket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(target, done.Token).ConfigureAwait(false);
            using var there = new NetworkStream(socket);
            Task[] ways = [here.CopyToAsync(there, done.Token), there.CopyToAsync(here, done.Token)];
            await Task.WhenAny(ways).ConfigureAwait(false);
            await done.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(ways).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            // Whoever asked sees a connection that ends, as it would without this in between.
        }
    }
}
