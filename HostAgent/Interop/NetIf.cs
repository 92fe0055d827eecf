using System.Runtime.InteropServices;

namespace HostAgent.Interop;

/// <summary>net/if.h.</summary>
internal static partial class NetIf
{
    /// <summary>if_nametoindex(3), in the calling thread's network namespace. The ifindex, or 0 with errno.</summary>
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial uint if_nametoindex(string ifname);
}
