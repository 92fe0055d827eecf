namespace HostAgent.Tests;

/// <summary>What this process has open, to see what is left behind.</summary>
internal static class OpenDescriptors
{
    /// <summary>
    /// The descriptors, such as <c>23 socket:[4711]</c>, without the one that lists them, and without the assemblies, which the runtime
    /// loads when it first needs them.
    /// </summary>
    public static string[] Now() =>
    [
        .. from descriptor in new DirectoryInfo("/proc/self/fd").EnumerateFileSystemInfos()
           let target = descriptor.LinkTarget
           where target is not null && target != $"/proc/{Environment.ProcessId}/fd" && !target.EndsWith(".dll", StringComparison.Ordinal)
           select $"{descriptor.Name} {target}",
    ];
}
