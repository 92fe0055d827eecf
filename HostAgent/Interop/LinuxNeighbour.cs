using System.Runtime.InteropServices;

namespace HostAgent.Interop;

/// <summary>linux/neighbour.h: neighbour tables and bridges' forwarding databases, which the kernel tells in the same message.</summary>
internal static class LinuxNeighbour
{
    public const ushort NDA_DST = 1;
    public const ushort NDA_LLADDR = 2;
    public const ushort NDA_VLAN = 5;
    public const ushort NDA_MASTER = 9;

    public const ushort NUD_INCOMPLETE = 0x01;
    public const ushort NUD_REACHABLE = 0x02;
    public const ushort NUD_STALE = 0x04;
    public const ushort NUD_DELAY = 0x08;
    public const ushort NUD_PROBE = 0x10;
    public const ushort NUD_FAILED = 0x20;
    public const ushort NUD_NOARP = 0x40;
    public const ushort NUD_PERMANENT = 0x80;

    public const byte NTF_SELF = 0x02;
    public const byte NTF_PROXY = 0x08;

    [StructLayout(LayoutKind.Sequential)]
    public struct ndmsg
    {
        public byte ndm_family;
        public byte ndm_pad1;
        public ushort ndm_pad2;
        public int ndm_ifindex;
        public ushort ndm_state;
        public byte ndm_flags;
        public byte ndm_type;
    }
}
