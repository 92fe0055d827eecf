using System.Runtime.InteropServices;

namespace HostAgent.Interop;

/// <summary>signal.h.</summary>
internal static partial class Signal
{
    public const int SIGUSR1 = 10;
    public const int SIGTERM = 15;

    /// <summary>kill(2). 0, or -1 with errno.</summary>
    [LibraryImport("libc", SetLastError = true)]
    public static partial int kill(int pid, int sig);
}
