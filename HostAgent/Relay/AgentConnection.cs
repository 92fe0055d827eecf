using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using HostAgent.Tunnel;

namespace HostAgent.Relay;

/// <summary>One connection that an agent, or a stranger, has made.</summary>
/// <param name="socket">Accepted; disposed here.</param>
/// <param name="files">What is shown, and who is believed.</param>
internal sealed class AgentConnection(Socket socket, TlsFiles files) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly SslStream _tls = new(new NetworkStream(socket, ownsSocket: true), leaveInnerStreamOpen: false);

    /// <summary>From where.</summary>
    public EndPoint Peer { get; } = socket.RemoteEndPoint!;

    /// <summary>Whose the agent's certificate is, once it is accepted.</summary>
    public string Agent { get; private set; } = "";

    /// <summary>Ends it.</summary>
    public void Abort() => socket.Dispose();

    /// <summary>Looks at who it is.</summary>
    /// <param name="enter">Takes a place for an agent that is who it has to be; says why there is none, or null.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>False when it has left without a word, as a probe does.</returns>
    /// <exception cref="TlsException">It is not accepted, or does not accept this end; the message says why.</exception>
    public async Task<bool> GreetAsync(Func<string?> enter, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        try
        {
            if (await socket.ReceiveAsync(new byte[1], SocketFlags.Peek, limit.Token).ConfigureAwait(false) == 0) return false;
            TlsIdentity own = files.Read();
            PeerDoubt? doubt = PeerDoubt.ShowsNone(files);
            var options = new SslServerAuthenticationOptions
            {
                ServerCertificateContext = own.Shown,
                ClientCertificateRequired = true,
                EnabledSslProtocols = SslProtocols.Tls13,
                CertificateChainPolicy =
                    new X509ChainPolicy { DisableCertificateDownloads = true, RevocationMode = X509RevocationMode.NoCheck },
                AllowTlsResume = false,
                RemoteCertificateValidationCallback = (_, shown, received, _) =>
                {
                    var agent = shown as X509Certificate2;
                    doubt = PeerDoubt.Of(agent, received, own, files, serverName: null);
                    Agent = agent is null ? "" : PeerDoubt.NameOf(agent);
                    // It is told in the greeting, which is all that a doubtful end gets.
                    return shown is null or X509Certificate2;
                },
            };
            await _tls.AuthenticateAsServerAsync(options, limit.Token).ConfigureAwait(false);
            string? full = doubt is null ? enter() : null;
            string? refusal = await TlsGreeting.ExchangeAsync(_tls, doubt?.Words ?? full, limit.Token).ConfigureAwait(false);
            if (doubt is not null) throw new TlsException($"{Peer} is refused: {doubt.Words}; {doubt.Mend}");
            if (refusal is not null) throw new TlsException($"{Peer} does not accept this receiver: {refusal}; see {files.Certificate}");
            return full is null ? true : throw new TlsException($"{Peer} is refused: {full}");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new TlsException($"{Peer} connected, and did not say who it is within {Patience.TotalSeconds} s");
        }
        catch (Exception e) when (e is IOException and not TlsException or AuthenticationException or SocketException
            or ObjectDisposedException)
        {
            throw new TlsException($"{Peer} connected, but it does not act as an agent ({e.GetBaseException().Message})", e);
        }
    }

    /// <summary>Takes the agent's stream until it ends.</summary>
    /// <param name="book">Has its account.</param>
    /// <param name="open">Makes the output for an account.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>How it ended, for the log.</returns>
    public async Task<string> ReceiveAsync(
        AccountBook book, Func<AgentAccount, IFrameOutput> open, CancellationToken cancellation)
    {
        var reader = new SectionReader();
        AgentAccount? account = null;
        IFrameOutput? output = null;
        try
        {
            for (int read; (read = await _tls.ReadAsync(reader.Room(), cancellation).ConfigureAwait(false)) > 0;)
            {
                reader.Filled(read);
                while (reader.Take(output, account) is { } origin)
                {
                    if (account is null)
                    {
                        account = book.Open(Agent, origin);
                        await account.TakeAsync(this, cancellation).ConfigureAwait(false);
                        output = open(account);
                    }

                    if (origin.Stream != account.Stream) throw new MalformedStreamException("its sections are of several streams");
                    account.Begin(origin.First);
                }

                output?.Flush();
            }

            return account is { IsWhole: false } ? "ended without a last word" : "ended";
        }
        catch (MalformedStreamException e)
        {
            account?.Malformed();
            return $"was ended, since what it sends is no agent's stream: {e.Message}";
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or OperationCanceledException)
        {
            return $"broke off ({e.Message})";
        }
        finally
        {
            output?.Dispose();
            account?.Leave(this);
            if (account is not null) book.Close(account);
        }
    }

    public ValueTask DisposeAsync() => _tls.DisposeAsync();
}
