using System.Runtime.InteropServices;

namespace HostAgent.Interop;

/// <summary>unistd.h.</summary>
internal static unsafe partial class Unistd
{
    public const int STDOUT_FILENO = 1;

    /// <summary>write(2). How many bytes were written, or -1 with errno.</summary>
    [LibraryImport("libc", SetLastError = true)]
    public static partial nint write(int fd, byte* bytes, nuint count);
}
