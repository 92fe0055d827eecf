using System.Net;
using System.Net.Sockets;

namespace HostAgent.Policy;

/// <summary>
/// IP addresses as Kubernetes and the policy write them, stricter than <see cref="IPAddress"/>, for which "1" and "0x7f.1" are addresses.
/// </summary>
internal static class IpText
{
    /// <returns>Null unless the text is a complete unicast address without a zone. An IPv4-mapped address is given as IPv4.</returns>
    public static IPAddress? Parse(string? text)
    {
        if (text is null || text.Length > 45 || text.Contains('%', StringComparison.Ordinal) || text.Contains('[', StringComparison.Ordinal)
            || text.Contains('/', StringComparison.Ordinal) || !IPAddress.TryParse(text, out IPAddress? address)) return null;
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        else if (address.AddressFamily == AddressFamily.InterNetwork && address.ToString() != text) return null;
        bool unicast = address.AddressFamily == AddressFamily.InterNetwork
            ? address.GetAddressBytes()[0] is > 0 and < 224
            : !address.IsIPv6Multicast && !address.Equals(IPAddress.IPv6Any);
        return unicast ? address : null;
    }
}
