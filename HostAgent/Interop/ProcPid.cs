using System.Globalization;

namespace HostAgent.Interop;

/// <summary>proc_pid(5): what can be known of other processes of this PID namespace. Who has not the right to look sees nothing.</summary>
internal static class ProcPid
{
    // The user id of a process that is of no login session (AUDIT_UID_UNSET).
    private const uint NoLogin = uint.MaxValue;

    /// <summary>A process that has this socket open; null when none is found.</summary>
    /// <param name="inode">The socket's, as /proc/net has it.</param>
    public static int? OwnerOf(long inode)
    {
        string wanted = $"socket:[{inode}]";
        foreach (string folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out int process)) continue;
            if (Read(() => Directory.EnumerateFileSystemEntries($"{folder}/fd").Any(fd => new FileInfo(fd).LinkTarget == wanted)))
                return process;
        }

        return null;
    }

    /// <summary>The command line's words; none when it cannot be read.</summary>
    public static string[] CommandLine(int process) =>
        Read(() => File.ReadAllText($"/proc/{process}/cmdline").Split('\0', StringSplitOptions.RemoveEmptyEntries)) ?? [];

    /// <summary>The user who logged in and of whose session the process is; null when it is of none.</summary>
    public static int? Login(int process) =>
        uint.TryParse(
            Read(() => File.ReadAllText($"/proc/{process}/loginuid")), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture,
            out uint login) && login != NoLogin ? (int)login : null;

    /// <summary>A process may end while it is looked at.</summary>
    private static T? Read<T>(Func<T> look)
    {
        try
        {
            return look();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return default;
        }
    }
}
