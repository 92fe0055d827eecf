using System.Runtime.InteropServices;

namespace HostAgent.Filters;

/// <summary>The library that SharpPcap calls. The agent runs without it; what needs it says so.</summary>
internal static class Libpcap
{
    // As SharpPcap looks for it. Debian kept the name of version 0.8; elsewhere it is called after its first version.
    private static readonly string[] Names = ["libpcap.so", "libpcap.so.0", "libpcap.so.0.8", "libpcap.so.1"];

    private static readonly Lazy<bool> Present = new(() => Names.Any(name => NativeLibrary.TryLoad(name, out _)));

    /// <summary>Null when it is there, else what to tell the user.</summary>
    /// <param name="what">What needs it, as the message's first words.</param>
    public static string? Missing(string what) => Present.Value ? null
        : $"{what} needs libpcap, which cannot be loaded here: "
            + "install the package libpcap0.8 (Debian, Ubuntu) or libpcap (others); all else works without it";
}
