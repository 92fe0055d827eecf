using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using HostAgent.Selection;
using HostAgent.Tunnel;

namespace HostAgent.Tests.Relay;

/// <summary>Somebody with an agent's certificate, who says what a test has him say.</summary>
internal sealed class HandMadeAgent : IAsyncDisposable
{
    private readonly SslStream _tls;

    private HandMadeAgent(SslStream tls, string? refusal) => (_tls, Refusal) = (tls, refusal);

    /// <summary>Why the receiver does not accept it; null when it does.</summary>
    public string? Refusal { get; }

    /// <summary>A section with a link and so many records of 60 bytes, each filled with its number.</summary>
    /// <param name="stream">Whose section it is.</param>
    /// <param name="first">The records before it.</param>
    /// <param name="records">How many.</param>
    public static unsafe byte[] Section(Guid stream, long first, int records)
    {
        RecordFormat format = new PcapngFormat();
        var pod = new MirroredPod("shop", "api", "uid", 1);
        byte[] text =
            [.. format.FileHeader(new SectionOrigin("n", stream, first)), .. format.Interface(new MirroredLink(3, pod, 33, 0, 0, []))];
        byte[] record = new byte[format.HeaderLength + 60 + RecordFormat.MaxTrailer];
        for (int i = 0; i < records; i++)
        {
            fixed (byte* at = record)
            {
                format.WriteHeader(at, 0, 1_700_000_000_000_000_000, 60);
                new Span<byte>(at + format.HeaderLength, 60).Fill((byte)i);
                int end = format.HeaderLength + 60;
                text = [.. text, .. record.AsSpan(0, end + format.WriteTrailer(at + end, 60))];
            }
        }

        return text;
    }

    /// <summary>Connects, and exchanges greetings.</summary>
    public static Task<HandMadeAgent> GreetAsync(IPEndPoint receiver, RelayFiles files)
    {
        var socket = new Socket(receiver.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(receiver);
        return GreetAsync(socket, files);
    }

    /// <param name="socket">Connected to the receiver.</param>
    /// <param name="files">The agent's certificate.</param>
    public static async Task<HandMadeAgent> GreetAsync(Socket socket, RelayFiles files)
    {
        var tls = new SslStream(new NetworkStream(socket, ownsSocket: true));
        TlsIdentity own = new TlsFiles(files.Policy.Authority, files.Policy.Certificate, files.Policy.Key).Read();
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = RelayFiles.ServerName,
            ClientCertificateContext = own.Shown,
            CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                CustomTrustStore = { own.Authorities[0] },
                RevocationMode = X509RevocationMode.NoCheck,
            },
        });
        return new HandMadeAgent(tls, await TlsGreeting.ExchangeAsync(tls, null, default));
    }

    public Task SayAsync(byte[] text) => _tls.WriteAsync(text).AsTask();

    /// <summary>Has no more to say, and waits until the receiver has heard all of it.</summary>
    public async Task EndAsync()
    {
        await _tls.ShutdownAsync();
        await IsEndedAsync();
    }

    /// <summary>Waits until the receiver ends the connection, which says nothing.</summary>
    public async Task IsEndedAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        Assert.That(await _tls.ReadAsync(new byte[1], limit.Token), Is.Zero);
    }

    public ValueTask DisposeAsync() => _tls.DisposeAsync();
}
