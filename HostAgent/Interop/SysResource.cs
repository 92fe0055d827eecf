using System.Runtime.InteropServices;

namespace HostAgent.Interop;

/// <summary>sys/resource.h.</summary>
internal static partial class SysResource
{
    public const int PRIO_PROCESS = 0;

    /// <summary>
    /// setpriority(2). With <see cref="PRIO_PROCESS"/> and 0 for who it is that of the calling thread on Linux. 0, or -1 with errno.
    /// </summary>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int setpriority(int which, uint who, int priority);
}
