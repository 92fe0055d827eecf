using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace HostAgent.Configuration;

/// <summary>
/// Parses ADDR:PORT, several with commas. ADDR is an IPv4 or a bracketed IPv6 address; an IPv4 address may have brackets too, so that a
/// manifest can write [$(HOST_IP)]:9460 for either family.
/// </summary>
public static class ListenAddress
{
    public const string Default = "127.0.0.1:9460";

    public static bool TryParse(string text, out ImmutableArray<IPEndPoint> addresses, [NotNullWhen(false)] out string? error)
    {
        var parsed = ImmutableArray.CreateBuilder<IPEndPoint>();
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (Parse(part) is not { } address)
            {
                addresses = [];
                error = $"'{part}' is no listen address: it must be ADDR:PORT, such as {Default} or [::1]:9460, with a port from 0 to 65535";
                return false;
            }

            if (!parsed.Contains(address)) parsed.Add(address);
        }

        addresses = parsed.ToImmutable();
        error = null;
        return true;
    }

    private static IPEndPoint? Parse(string text)
    {
        int colon = text.LastIndexOf(':');
        if (colon < 0 || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port)) return null;
        string host = text[..colon];
        bool bracketed = host is ['[', .., ']'];
        if (bracketed) host = host[1..^1];
        // Without brackets the last group of an IPv6 address would pass for a port; and IPAddress takes '1' for 0.0.0.1.
        if (host.Contains(':', StringComparison.Ordinal) ? !bracketed : host.Count(c => c == '.') != 3) return null;
        return IPAddress.TryParse(host, out IPAddress? address) ? new IPEndPoint(address, port) : null;
    }
}
