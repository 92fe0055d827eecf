using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace HostAgent.Commands;

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
        addresses = [];
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (Parse(part) is not { } address)
            {
                error = $"'{part}' is no listen address: it must be ADDR:PORT, such as {Default} or [::1]:9460, "
                    + "with a port from 0 to 65535";
                return false;
            }

            if (parsed.FirstOrDefault(other => Covers(other, address) || Covers(address, other)) is { } other)
            {
                (IPEndPoint all, IPEndPoint one) = Covers(other, address) ? (other, address) : (address, other);
                error = all.Equals(one)
                    ? $"'{one}' is given twice: leave one out"
                    : $"'{all}' is every address of the host, '{one}' among them: leave one out, or name the node's own address, not all";
                return false;
            }

            parsed.Add(address);
        }

        addresses = parsed.ToImmutable();
        error = null;
        return true;
    }

    /// <summary>
    /// Where an agent that listens at these addresses serves all that it has to this host; null when nowhere. Not "every address": behind
    /// that, /status is not served.
    /// </summary>
    public static IPEndPoint? Loopback(ImmutableArray<IPEndPoint> addresses) =>
        addresses.FirstOrDefault(address => IPAddress.IsLoopback(address.Address) && address.Port != 0);

    /// <summary>Whether one takes the other's port: as the same address or as every address. For port 0 the kernel finds another.</summary>
    private static bool Covers(IPEndPoint one, IPEndPoint other) =>
        one.Equals(other) || (one.Port == other.Port && one.Port != 0 && (one.Address.Equals(IPAddress.IPv6Any)
            || (one.Address.Equals(IPAddress.Any) && other.AddressFamily == one.AddressFamily)));

    private static IPEndPoint? Parse(string text)
    {
        int colon = text.LastIndexOf(':');
        if (colon < 0 || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port))
            return null;
        string host = text[..colon];
        bool bracketed = host is ['[', .., ']'];
        if (bracketed) host = host[1..^1];
        // Without brackets the last group of an IPv6 address would pass for a port; and IPAddress takes '1' for 0.0.0.1.
        if (host.Contains(':', StringComparison.Ordinal) ? !bracketed : host.Count(c => c == '.') != 3) return null;
        if (!IPAddress.TryParse(host, out IPAddress? address)) return null;
        return new IPEndPoint(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, port);
    }
}
