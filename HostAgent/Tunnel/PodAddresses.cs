using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace HostAgent.Tunnel;

/// <summary>A pod's addresses, as its network assigned them, in the form in which frames have them. Immutable.</summary>
internal sealed unsafe class PodAddresses
{
    private readonly uint[] _v4;
    private readonly UInt128[] _v6;

    public PodAddresses(IReadOnlyCollection<IPAddress> addresses)
    {
        _v4 = [.. Of(AddressFamily.InterNetwork).Select(bytes => MemoryMarshal.Read<uint>(bytes))];
        _v6 = [.. Of(AddressFamily.InterNetworkV6).Select(bytes => MemoryMarshal.Read<UInt128>(bytes))];

        IEnumerable<byte[]> Of(AddressFamily family) => addresses.Where(address => address.AddressFamily == family).Select(address => address.GetAddressBytes());
    }

    /// <param name="ip">A sound IP header.</param>
    /// <param name="v6">Whether it is one of IPv6.</param>
    public bool HasSourceOf(byte* ip, bool v6) =>
        v6 ? _v6.AsSpan().Contains(Unsafe.ReadUnaligned<UInt128>(ip + 8)) : _v4.AsSpan().Contains(Unsafe.ReadUnaligned<uint>(ip + 12));
}
