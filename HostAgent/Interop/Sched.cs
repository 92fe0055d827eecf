using System.Runtime.InteropServices;

namespace HostAgent.Interop;

/// <summary>sched.h: namespaces of the calling thread.</summary>
internal static partial class Sched
{
    public const int CLONE_NEWNET = 0x40000000;

    /// <summary>
    /// setns(2): moves the calling thread, and only it, into the namespace that the descriptor names. 0, or -1 with errno.
    /// </summary>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int setns(int fd, int nstype);
}
