using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace HostAgent.Interop;

/// <summary>
/// A socket for what System.Net.Sockets does not do: rings, filters, sendmmsg. Throws <see cref="ErrnoException"/> naming its subject.
/// </summary>
internal sealed unsafe class NativeSocket : IDisposable
{
    private readonly SafeFileHandle _handle;

    private NativeSocket(int fd, string subject, bool owns = true)
    {
        _handle = new SafeFileHandle(fd, owns);
        Descriptor = fd;
        Subject = subject;
    }

    /// <summary>The bare descriptor, for calls on the hot path.</summary>
    public int Descriptor { get; }

    /// <summary>What the socket is about (a link, an address), for error messages.</summary>
    public string Subject { get; }

    public SafeHandle Handle => _handle;

    public static NativeSocket Open(int domain, int type, int protocol, string subject)
    {
        int fd = SysSocket.socket(domain, type | SysSocket.SOCK_CLOEXEC, protocol);
        return fd >= 0 ? new NativeSocket(fd, subject) : throw ErrnoException.Last("socket", subject);
    }

    /// <summary>Two connected sockets within this process: what is written to the one is read from the other.</summary>
    public static (NativeSocket One, Socket Other) Pair(string subject)
    {
        int* pair = stackalloc int[2];
        if (SysSocket.socketpair(SysSocket.AF_UNIX, SysSocket.SOCK_STREAM | SysSocket.SOCK_CLOEXEC, 0, pair) != 0)
            throw ErrnoException.Last("socketpair", subject);
        return (new NativeSocket(pair[0], subject), new Socket(new SafeSocketHandle(pair[1], ownsHandle: true)));
    }

    /// <summary>A socket that is somebody else's, who closes it.</summary>
    public static NativeSocket Borrow(int fd, string subject) => new(fd, subject, owns: false);

    /// <summary>Replaces the socket's filter, atomically.</summary>
    /// <exception cref="ErrnoException">
    /// ENOMEM, mostly: net.core.optmem_max has to hold the old program and the new one together. The old one stays.
    /// </exception>
    public void AttachFilter(ReadOnlySpan<LinuxFilter.sock_filter> program)
    {
        fixed (LinuxFilter.sock_filter* first = program)
        {
            var description = new LinuxFilter.sock_fprog { len = (ushort)program.Length, filter = first };
            Set("SO_ATTACH_FILTER", SysSocket.SOL_SOCKET, SysSocket.SO_ATTACH_FILTER, description);
        }
    }

    /// <summary>Takes the socket's filter away, so that it accepts everything. It needs no room.</summary>
    public void DetachFilter() => Set("SO_DETACH_FILTER", SysSocket.SOL_SOCKET, SysSocket.SO_DETACH_FILTER, 0);

    /// <param name="name">The option's name, for the error message.</param>
    /// <param name="level">SOL_SOCKET, SOL_PACKET, ...</param>
    /// <param name="option">The option's number.</param>
    /// <param name="value">What setsockopt(2) is given.</param>
    public void Set<T>(string name, int level, int option, T value)
        where T : unmanaged
    {
        if (SysSocket.setsockopt(_handle, level, option, &value, (uint)sizeof(T)) != 0)
            throw ErrnoException.Last($"setsockopt {name}", Subject);
    }

    /// <summary>The error of a connection attempt that has gone on in the background (SO_ERROR); 0 for none.</summary>
    public int TakeError()
    {
        int error = 0;
        uint length = sizeof(int);
        return SysSocket.getsockopt(_handle, SysSocket.SOL_SOCKET, SysSocket.SO_ERROR, &error, &length) == 0
            ? error
            : Marshal.GetLastPInvokeError();
    }

    public void Bind<T>(T address)
        where T : unmanaged
    {
        if (SysSocket.bind(_handle, &address, (uint)sizeof(T)) != 0) throw ErrnoException.Last("bind", Subject);
    }

    public void Connect<T>(T address)
        where T : unmanaged
    {
        if (SysSocket.connect(_handle, &address, (uint)sizeof(T)) != 0) throw ErrnoException.Last("connect", Subject);
    }

    /// <summary>Sends one datagram.</summary>
    /// <returns>0, or the errno.</returns>
    public int Send(byte* start, int length)
    {
        var part = new SysSocket.iovec { iov_base = start, iov_len = (nuint)length };
        var message = new SysSocket.msghdr { msg_iov = &part, msg_iovlen = 1 };
        while (SysSocket.sendmsg(Descriptor, &message, 0) < 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            if (errno != Errno.EINTR) return errno;
        }

        return 0;
    }

    public void Dispose() => _handle.Dispose();
}
