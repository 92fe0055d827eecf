using System.Runtime.InteropServices;
using HostAgent.Interop;
using static HostAgent.Interop.LinuxRtnetlink;

namespace HostAgent.Links;

/// <summary>Reads whole tables of the kernel into <see cref="LinkTables"/>.</summary>
internal static class RtnetlinkDump
{
    /// <summary>Everything. Links come first: what is kept of a forwarding database depends on its ports.</summary>
    public static void All(RtnetlinkSocket socket, LinkTables tables)
    {
        LinksAndAddresses(socket, tables);
        Routes(socket, tables);
        socket.Dump(RTM_GETNEIGH, Bytes(new LinuxNeighbour.ndmsg()), tables.Load);
        socket.Dump(RTM_GETNEIGH, Bytes(new LinuxNeighbour.ndmsg { ndm_family = AF_BRIDGE }), tables.Load);
    }

    public static void LinksAndAddresses(RtnetlinkSocket socket, LinkTables tables)
    {
        var mask = new LinuxNetlink.nlattr { nla_len = 8, nla_type = LinuxIfLink.IFLA_EXT_MASK };
        byte[] links = [.. Bytes(new ifinfomsg { ifi_family = AF_UNSPEC }), .. Bytes(mask), .. Bytes(RTEXT_FILTER_SKIP_STATS)];
        socket.Dump(RTM_GETLINK, links, tables.Load);
        socket.Dump(RTM_GETADDR, Bytes(new LinuxIfAddr.ifaddrmsg()), tables.Load);
    }

    /// <summary>The routes of all tables, in place of those that were there.</summary>
    public static void Routes(RtnetlinkSocket socket, LinkTables tables)
    {
        tables.BeginRoutes();
        socket.Dump(RTM_GETROUTE, Bytes(new rtmsg { rtm_family = AF_INET }), tables.Load);
        socket.Dump(RTM_GETROUTE, Bytes(new rtmsg { rtm_family = AF_INET6 }), tables.Load);
        tables.TakeRoutes();
    }

    private static byte[] Bytes<T>(T value)
        where T : unmanaged
    {
        byte[] bytes = new byte[Marshal.SizeOf<T>()];
        MemoryMarshal.Write(bytes, value);
        return bytes;
    }
}
