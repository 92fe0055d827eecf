using System.Text;

namespace HostAgent.Tunnel;

/// <summary>
/// The line that each end of a stream between hosts says first: that it accepts the other, or why it does not. TLS 1.3 has a client's
/// handshake succeed before the server has looked at its certificate, and its alerts are a word at best. So certificates are looked at when
/// the handshake is over, and before anything else is said.
/// </summary>
internal static class TlsGreeting
{
    private const string Accepted = "host-agent/1 accepted", Refused = "host-agent/1 refused: ";
    private const int Longest = 512;
    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(2);

    /// <param name="stream">Encrypted, and nothing has been said on it.</param>
    /// <param name="refusal">Why this end does not accept the other; null when it does.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>Why the other end does not accept this one; null when it does, or is refused itself.</returns>
    /// <exception cref="IOException">The other end has gone, or says something else.</exception>
    public static async Task<string?> ExchangeAsync(Stream stream, string? refusal, CancellationToken cancellation)
    {
        await stream.WriteAsync(Encoding.UTF8.GetBytes(refusal is null ? $"{Accepted}\n" : $"{Refused}{refusal}\n"), cancellation)
            .ConfigureAwait(false);
        if (refusal is not null)
        {
            await HearOutAsync(stream, cancellation).ConfigureAwait(false);
            return null;
        }

        string line = await ReadAsync(stream, cancellation).ConfigureAwait(false);
        if (line == Accepted) return null;
        return line.StartsWith(Refused, StringComparison.Ordinal)
            ? PeerDoubt.Printable(line[Refused.Length..])
            : throw new IOException("it speaks TLS, but does not greet as host-agent does");
    }

    /// <summary>A connection that is closed with something unread takes back what was said.</summary>
    private static async Task HearOutAsync(Stream stream, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(LastWords);
        try
        {
            await ReadAsync(stream, limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // Whatever it says or does not, it is refused.
        }
    }

    // Byte by byte: what follows the line is not for here.
    private static async Task<string> ReadAsync(Stream stream, CancellationToken cancellation)
    {
        byte[] line = new byte[Longest];
        for (int length = 0; length < Longest; length++)
        {
            if (await stream.ReadAsync(line.AsMemory(length, 1), cancellation).ConfigureAwait(false) == 0)
                throw new IOException("it ended the connection without a word");
            if (line[length] == '\n') return Encoding.UTF8.GetString(line, 0, length);
        }

        return "";
    }
}
