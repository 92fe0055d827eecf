using System.Runtime.InteropServices;

namespace HostAgent.Interop;

/// <summary>linux/netlink.h: messages and their attributes (netlink(7)). All fields are in the machine's byte order.</summary>
internal static class LinuxNetlink
{
    public const int NETLINK_ROUTE = 0;
    public const int SOL_NETLINK = 270;

    public const int NETLINK_ADD_MEMBERSHIP = 1;
    public const int NETLINK_GET_STRICT_CHK = 12;

    public const ushort NLMSG_NOOP = 1;
    public const ushort NLMSG_ERROR = 2;
    public const ushort NLMSG_DONE = 3;

    public const ushort NLM_F_REQUEST = 0x01;
    public const ushort NLM_F_ACK = 0x04;
    public const ushort NLM_F_DUMP_INTR = 0x10;
    public const ushort NLM_F_DUMP = 0x300;

    /// <summary>The bits of nla_type that are the type; the others are flags.</summary>
    public const ushort NLA_TYPE_MASK = 0x3fff;

    [StructLayout(LayoutKind.Sequential)]
    public struct nlmsghdr
    {
        public uint nlmsg_len;
        public ushort nlmsg_type;
        public ushort nlmsg_flags;
        public uint nlmsg_seq;
        public uint nlmsg_pid;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct nlattr
    {
        public ushort nla_len;
        public ushort nla_type;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct sockaddr_nl
    {
        public ushort nl_family;
        public ushort nl_pad;

        /// <summary>0 lets the kernel choose.</summary>
        public uint nl_pid;
        public uint nl_groups;
    }
}
