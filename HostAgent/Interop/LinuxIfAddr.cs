using System.Runtime.InteropServices;

namespace HostAgent.Interop;

/// <summary>linux/if_addr.h: the addresses of a link.</summary>
internal static class LinuxIfAddr
{
    public const ushort IFA_ADDRESS = 1;
    public const ushort IFA_LOCAL = 2;

    [StructLayout(LayoutKind.Sequential)]
    public struct ifaddrmsg
    {
        public byte ifa_family;
        public byte ifa_prefixlen;
        public byte ifa_flags;
        public byte ifa_scope;
        public uint ifa_index;
    }
}
