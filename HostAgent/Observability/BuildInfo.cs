using System.Reflection;

namespace HostAgent.Observability;

/// <summary>Which build this is.</summary>
public static class BuildInfo
{
    /// <summary>The version of Directory.Build.props, followed by + and the source revision where the build knew it.</summary>
    public static string Version { get; } =
        typeof(BuildInfo).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    /// <summary>Of <see cref="Version"/> what stands before the +.</summary>
    public static string Release { get; } = Version.Split('+')[0];

    /// <summary>
    /// The source revision: the commit, where the build was in a clone of the repository or was told (REVISION of the Dockerfile).
    /// </summary>
    public static string Revision { get; } = Version.Split('+') is [_, { Length: > 0 } revision] ? revision : "unknown";

    /// <summary>The version of the .NET runtime, such as 10.0.1.</summary>
    public static string Runtime { get; } = Environment.Version.ToString();
}
