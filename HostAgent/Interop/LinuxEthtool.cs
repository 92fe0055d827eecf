using System.Runtime.InteropServices;

namespace HostAgent.Interop;

/// <summary>linux/ethtool.h: questions about a link that need no privilege.</summary>
internal static unsafe partial class LinuxEthtool
{
    private const nuint SIOCETHTOOL = 0x8946;
    private const uint ETHTOOL_GTXCSUM = 0x16;
    private const int IFNAMSIZ = 16;

    /// <summary>Whether the link's driver is trusted to finish checksums (tx-checksumming). False for a link that is not there.</summary>
    public static bool FinishesChecksums(NativeSocket anySocket, string link)
    {
        var value = new ethtool_value { cmd = ETHTOOL_GTXCSUM };
        var request = new ifreq { ifr_data = &value };
        for (int i = 0; i < Math.Min(link.Length, IFNAMSIZ - 1); i++) request.ifr_name[i] = (byte)link[i];
        return ioctl(anySocket.Handle, SIOCETHTOOL, &request) == 0 && value.data != 0;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ioctl(SafeHandle fd, nuint request, void* argument);

    [StructLayout(LayoutKind.Sequential)]
    private struct ethtool_value
    {
        public uint cmd;
        public uint data;
    }

    /// <summary>net/if.h.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 40)]
    private struct ifreq
    {
        public fixed byte ifr_name[IFNAMSIZ];
        public void* ifr_data;
    }
}
