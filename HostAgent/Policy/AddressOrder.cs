using System.Net;

namespace HostAgent.Policy;

/// <summary>Addresses in the order of their bytes, IPv4 before IPv6.</summary>
internal static class AddressOrder
{
    public static IComparer<IPAddress> Comparer { get; } = Comparer<IPAddress>.Create(Compare);

    private static int Compare(IPAddress? one, IPAddress? other)
    {
        byte[] bytes = one?.GetAddressBytes() ?? [], others = other?.GetAddressBytes() ?? [];
        return bytes.Length != others.Length ? bytes.Length.CompareTo(others.Length) : bytes.AsSpan().SequenceCompareTo(others);
    }
}
