using System.Runtime.InteropServices;

namespace HostAgent.Interop;

/// <summary>poll.h; its structure has the same layout on every architecture, unlike epoll's, which is packed on x86-64 alone.</summary>
internal static unsafe partial class SysPoll
{
    public const short POLLIN = 1;
    public const short POLLOUT = 4;
    public const short POLLERR = 8;
    public const short POLLHUP = 16;

    [LibraryImport("libc", SetLastError = true)]
    public static partial int poll(pollfd* descriptors, nuint count, int timeoutMilliseconds);

    [StructLayout(LayoutKind.Sequential)]
    public struct pollfd
    {
        public int fd;
        public short events;
        public short revents;
    }
}
