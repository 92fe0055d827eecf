using System.Net;
using System.Net.Sockets;
using HostAgent.Lab;

namespace HostAgent.Tests.Relay;

/// <summary>A TCP relay before a receiver that holds up, truncates and cuts what passes.</summary>
internal sealed class BrokenPath : IDisposable
{
    public const ushort Port = 57013;

    private readonly NodeNetwork _node;
    private readonly Socket _listener;
    private readonly ManualResetEventSlim _passes = new(true);
    private volatile Socket? _agent, _receiver;
    private volatile int _begun;
    private long _passed, _left = long.MaxValue;

    public BrokenPath(NodeNetwork node)
    {
        _node = node;
        _listener = node.World.OpenSocket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _listener.Bind(new IPEndPoint(NodeNetwork.WorldAddress, Port));
        _listener.Listen();
        new Thread(Serve) { IsBackground = true, Name = "path" }.Start();
    }

    /// <summary>Connections that have begun.</summary>
    public int Begun => _begun;

    /// <summary>Bytes that went on to the receiver.</summary>
    public long Passed => Interlocked.Read(ref _passed);

    public void Hold() => _passes.Reset();

    public void Resume() => _passes.Set();

    /// <summary>Lets so many bytes more pass, and then ends the connection in good order, wherever in a record that is.</summary>
    public void TruncateAfter(long bytes) => Interlocked.Exchange(ref _left, bytes);

    /// <summary>Resets both connections, with whatever is on the way.</summary>
    public void Cut()
    {
        _agent?.Close(0);
        _receiver?.Close(0);
        Resume();
    }

    public void Dispose()
    {
        _listener.Dispose();
        Cut();
    }

    private void Serve()
    {
        try
        {
            while (true)
            {
                using Socket agent = _listener.Accept();
                using Socket receiver = _node.World.OpenSocket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                receiver.Connect(NodeNetwork.WorldAddress, Receiver.Port);
                (_agent, _receiver) = (agent, receiver);
                Interlocked.Exchange(ref _left, long.MaxValue);
                _begun++;
                var back = new Thread(() => Pass(receiver, agent, counts: false)) { IsBackground = true };
                back.Start();
                Pass(agent, receiver, counts: true);
                back.Join();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private void Pass(Socket from, Socket to, bool counts)
    {
        byte[] buffer = new byte[10_000];
        try
        {
            for (int read; (read = from.Receive(buffer)) > 0;)
            {
                if (counts) _passes.Wait();
                int pass = counts ? (int)Math.Min(read, Interlocked.Read(ref _left)) : read;
                to.Send(buffer, pass, SocketFlags.None);
                if (!counts) continue;
                Interlocked.Add(ref _passed, pass);
                if (Interlocked.Read(ref _left) != long.MaxValue && Interlocked.Add(ref _left, -pass) <= 0) break;
            }

            to.Shutdown(SocketShutdown.Send);
            if (counts) from.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It was cut.
        }
    }
}
