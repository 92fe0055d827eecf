using System.Runtime.InteropServices;

namespace HostAgent.Interop;

/// <summary>
/// linux/netlink.h, with the two calls that make a netlink socket; everything after that is <see cref="System.Net.Sockets.Socket"/>, which
/// cannot create this address family but works with a descriptor of it. All fields are in the machine's byte order.
/// </summary>
internal static partial class LinuxNetlink
{
    public const int AF_NETLINK = 16;
    public const int SOCK_RAW = 3;
    public const int SOCK_CLOEXEC = 0x80000;
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
        public uint nl_pid;
        public uint nl_groups;
    }

    /// <summary>socket(2). A descriptor, or -1 with errno.</summary>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int socket(int domain, int type, int protocol);

    /// <summary>bind(2) to a netlink address; a zero nl_pid lets the kernel choose. 0, or -1 with errno.</summary>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int bind(int fd, in sockaddr_nl address, int length);
}
