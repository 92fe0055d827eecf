namespace HostAgent.Tests.Network;

/// <summary>What a test cannot do without. It fails rather than being skipped: a skipped judge finds everybody innocent.</summary>
internal static class Require
{
    public static void Root()
    {
        if (!Environment.IsPrivilegedProcess) Assert.Fail("this test makes network namespaces: run it as root");
    }

    /// <param name="program">A program on the PATH.</param>
    /// <param name="package">The Debian package that has it, when it is not named as the program.</param>
    public static void Program(string program, string? package = null)
    {
        string[] folders = [.. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'), "/usr/sbin", "/sbin"];
        if (folders.Any(folder => File.Exists(Path.Combine(folder, program)))) return;
        Assert.Fail($"the program '{program}' is missing: install the package {package ?? (program == "ip" ? "iproute2" : program)}");
    }
}
