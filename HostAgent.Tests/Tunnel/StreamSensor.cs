using System.Net;
using System.Net.Sockets;
using HostAgent.Lab;

namespace HostAgent.Tests.Tunnel;

/// <summary>A sensor that takes one stream after the other, and writes each to a file of its own.</summary>
internal sealed class StreamSensor : IDisposable
{
    public const ushort Port = 57012;

    private readonly Socket _listener;
    private readonly TemporaryDirectory _folder = new();
    private readonly ManualResetEventSlim _reads = new(true);
    private readonly Thread _thread;
    private volatile Socket? _connection;
    private volatile int _begun, _ended;
    private long _received;

    /// <param name="pod">Where it runs.</param>
    /// <param name="address">One of the pod's; null for its IPv4 address.</param>
    public StreamSensor(PodNetwork pod, IPAddress? address = null)
    {
        _listener = pod.Listen(address ?? pod.Ipv4, Port);
        _thread = new Thread(Serve) { IsBackground = true, Name = "sensor" };
        _thread.Start();
    }

    /// <summary>Streams that have begun.</summary>
    public int Begun => _begun;

    /// <summary>Streams that have come to an end, or were ended.</summary>
    public int Ended => _ended;

    /// <summary>Bytes of all streams.</summary>
    public long Received => Interlocked.Read(ref _received);

    /// <summary>The file of a stream, from 0 on.</summary>
    public string File(int stream) => _folder.File($"{stream}.pcap");

    /// <summary>From now on nothing is read, until <see cref="Resume"/>.</summary>
    public void Pause() => _reads.Reset();

    public void Resume() => _reads.Set();

    /// <summary>Ends the stream at hand, as a program that is killed does.</summary>
    public void Kill() => _connection?.Close(0);

    public void Dispose()
    {
        _reads.Set();
        _listener.Dispose();
        Kill();
        _thread.Join();
        _folder.Dispose();
    }

    private void Serve()
    {
        byte[] buffer = new byte[1 << 18];
        while (true)
        {
            try
            {
                using Socket connection = _listener.Accept();
                using FileStream file = System.IO.File.Create(File(_begun));
                _connection = connection;
                _begun++;
                Take(connection, file, buffer);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }

            _ended++;
        }
    }

    private void Take(Socket connection, FileStream file, byte[] buffer)
    {
        try
        {
            while (true)
            {
                _reads.Wait();
                int taken = connection.Receive(buffer);
                if (taken == 0) return;
                file.Write(buffer, 0, taken);
                file.Flush();
                Interlocked.Add(ref _received, taken);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It was ended.
        }
    }
}
