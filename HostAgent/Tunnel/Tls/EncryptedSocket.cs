using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using HostAgent.Interop;
using HostAgent.Sensors;

namespace HostAgent.Tunnel;

/// <summary>
/// A connection to another host, in TLS 1.3. Whoever writes to <see cref="Near"/> finds there what a TCP socket would be: it takes what it
/// has room for and never waits. A thread of its own reads the other end of that pair of sockets, encrypts, and waits for the network. So
/// the backlog of a slow reader is where that of any stream is, and what is on the way here is bounded by the pair's buffer.
/// </summary>
internal sealed class EncryptedSocket : IDisposable
{
    private const int Chunk = 1 << 16;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10), LastWords = TimeSpan.FromSeconds(2);

    private readonly SensorEndpoint _sensor;
    private readonly TlsFiles _files;
    private readonly string _serverName, _name;
    private readonly Socket _far;
    private readonly Thread _thread;
    private volatile Socket? _tcp;
    private volatile bool _open, _leaving;
    private volatile string? _problem;

    private EncryptedSocket(SensorEndpoint sensor, StreamSecurity security, string name)
    {
        (_sensor, _files, _serverName, _name) = (sensor, security.Files, security.ServerName, name);
        (Near, _far) = NativeSocket.Pair($"for {name}");
        _thread = new Thread(Run) { IsBackground = true, Name = "encrypt" };
        _thread.Start();
    }

    /// <summary>Begins to connect.</summary>
    /// <param name="sensor">Where to.</param>
    /// <param name="security">What is shown, and who is believed.</param>
    /// <param name="name">The other end's, for messages.</param>
    /// <exception cref="ErrnoException">There is no descriptor left.</exception>
    public static EncryptedSocket Connect(SensorEndpoint sensor, StreamSecurity security, string name) => new(sensor, security, name);

    /// <summary>The end to write to; the caller's, who closes it to say that there is no more.</summary>
    public NativeSocket Near { get; }

    /// <summary>Whether both ends have accepted each other.</summary>
    public bool IsOpen => _open;

    /// <summary>Why there is no connection, or none any more, in words for an operator; null otherwise.</summary>
    public string? Problem => _problem;

    /// <summary>No more will be written. What was is sent still, also when the program ends now, unless that takes too long.</summary>
    public void Dispose()
    {
        _leaving = true;
        _ = Task.Delay(LastWords).ContinueWith(_ => _tcp?.Dispose(), TaskScheduler.Default);
        try
        {
            _thread.IsBackground = false;
        }
        catch (ThreadStateException)
        {
            // It has ended.
        }
    }

    /// <summary>Otherwise an idle connection whose other end is gone would last for ever.</summary>
    public static Socket KeptAlive(Socket tcp)
    {
        tcp.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        tcp.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 20);
        tcp.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 5);
        tcp.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
        return tcp;
    }

    private void Run()
    {
        try
        {
            using var tls = new SslStream(Reach(), leaveInnerStreamOpen: false);
            Greet(tls);
            _open = true;
            Task watch = WatchAsync(tls);
            Encrypt(tls);
            // Its answer is waited for: a connection that is closed with something unread takes back what was said.
            tls.ShutdownAsync().Wait(LastWords);
            _tcp!.Shutdown(SocketShutdown.Send);
            watch.Wait(LastWords);
        }
        catch (TlsException e)
        {
            Fail(e.Message);
        }
        catch (Exception e)
        {
            // Whatever it is, it must not end the program.
            Exception reason = (e as AggregateException)?.GetBaseException() ?? e;
            Fail(_open ? $"{_name} has ended the connection ({reason.Message})" : NotReached(reason));
        }
        finally
        {
            _tcp?.Dispose();
            _far.Dispose();
        }
    }

    private NetworkStream Reach()
    {
        // In the network namespace of whoever made this thread.
        _tcp = KeptAlive(new Socket(_sensor.Address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });
        using var limit = new CancellationTokenSource(Patience);
        _tcp.ConnectAsync(new IPEndPoint(_sensor.Address, _sensor.Port), limit.Token).AsTask().GetAwaiter().GetResult();
        return new NetworkStream(_tcp, ownsSocket: true);
    }

    private void Greet(SslStream tls)
    {
        TlsIdentity own = _files.Read();
        PeerDoubt? doubt = null;
        using var limit = new CancellationTokenSource(Patience);
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = _serverName,
            EnabledSslProtocols = SslProtocols.Tls13,
            ClientCertificateContext = own.Shown,
            CertificateChainPolicy =
                new X509ChainPolicy { DisableCertificateDownloads = true, RevocationMode = X509RevocationMode.NoCheck },
            // A session that is resumed would show no certificate.
            AllowTlsResume = false,
            RemoteCertificateValidationCallback = (_, shown, received, _) =>
            {
                doubt = PeerDoubt.Of(shown as X509Certificate2, received, own, _files, _serverName);
                // It is told in the greeting, which is all that a doubtful end gets.
                return shown is X509Certificate2;
            },
        };
        tls.AuthenticateAsClientAsync(options, limit.Token).GetAwaiter().GetResult();
        string? refusal = TlsGreeting.ExchangeAsync(tls, doubt?.Words, limit.Token).GetAwaiter().GetResult();
        if (doubt is not null) throw new TlsException($"{_name} is not trusted: {doubt.Words}; {doubt.Mend}");
        if (refusal is null) return;
        // It may also have no room.
        string mend = refusal.Contains("certificate", StringComparison.Ordinal) ? $"; see {_files.Certificate}" : "";
        throw new TlsException($"{_name} refuses this agent: {refusal}{mend}");
    }

    private void Encrypt(SslStream tls)
    {
        byte[] buffer = new byte[Chunk];
        for (int read; (read = _far.Receive(buffer)) > 0;) tls.Write(buffer, 0, read);
    }

    /// <summary>Nothing is to be read, but that is how the end of a connection is noticed while nothing is written.</summary>
    private async Task WatchAsync(SslStream tls)
    {
        string how = "";
        try
        {
            byte[] said = new byte[Chunk >> 8];
            while (await tls.ReadAsync(said).ConfigureAwait(false) > 0)
            {
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException or SocketException)
        {
            how = $" ({e.Message})";
        }

        if (!_leaving) Fail($"{_name} has ended the connection{how}");
        // The thread may wait in either of them.
        _tcp?.Dispose();
        _far.Dispose();
    }

    private string NotReached(Exception reason) => reason switch
    {
        SocketException => $"{_name} cannot be connected to ({reason.Message}); see that a receiver listens there, and that no firewall or "
            + "NetworkPolicy is in between",
        OperationCanceledException => $"{_name} does not answer within {Patience.TotalSeconds} s; see that a receiver runs there, and that "
            + "no firewall or NetworkPolicy is in between",
        _ => $"{_name} takes connections, but does not act as a receiver ({reason.Message}); see that host-agent receive listens there",
    };

    // The first is the reason of those that follow.
    private void Fail(string problem) => Interlocked.CompareExchange(ref _problem, problem, null);
}
