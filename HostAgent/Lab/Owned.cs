using System.Globalization;

namespace HostAgent.Lab;

/// <summary>
/// Names that tell who made a thing: <c>PREFIX-PID-STARTTIME-…</c>. They let a later run find and remove what an earlier one left behind
/// when it was killed, and leave alone what belongs to a process that still runs.
/// </summary>
internal static class Owned
{
    private const string Namespaces = "/run/netns";

    /// <summary>A name for something of this process.</summary>
    public static string Name(string prefix) => $"{prefix}-{Environment.ProcessId}-{StartTime(Environment.ProcessId)}";

    /// <summary>
    /// Removes namespaces (their processes first), temporary folders and files named with the prefix, whose owners have ended.
    /// </summary>
    /// <returns>What was removed.</returns>
    public static IReadOnlyList<string> RemoveLeftovers(string prefix)
    {
        string[] namespaces = Directory.Exists(Namespaces) ? Directory.GetFiles(Namespaces, $"{prefix}-*") : [];
        string[] temporary = Directory.GetFileSystemEntries(Path.GetTempPath(), $"{prefix}-*");
        string[] left = [.. namespaces.Concat(temporary).Where(path => IsLeftover(path, prefix))];
        foreach (string path in left)
        {
            try
            {
                Remove(path);
            }
            catch (Exception e) when (e is InvalidOperationException or IOException && !Path.Exists(path))
            {
                // Another run cleans up at the same time, and was quicker.
            }
        }

        return left;
    }

    private static void Remove(string path)
    {
        if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
        else if (Path.GetDirectoryName(path) != Namespaces) File.Delete(path);
        else RemoveNamespace(Path.GetFileName(path));
    }

    /// <summary>
    /// Kills whatever still runs in the namespace, then removes it: with a process inside, it would live on without a name.
    /// </summary>
    private static void RemoveNamespace(string name)
    {
        foreach (string pid in HostTool.Run("ip", "netns", "pids", name).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            Kill(int.Parse(pid, CultureInfo.InvariantCulture));
        }

        HostTool.Run("ip", "netns", "del", name);
    }

    private static void Kill(int pid)
    {
        try
        {
            using var process = System.Diagnostics.Process.GetProcessById(pid);
            process.Kill();
        }
        catch (ArgumentException)
        {
            // It has ended since it was listed.
        }
    }

    private static bool IsLeftover(string path, string prefix)
    {
        string[] parts = Path.GetFileName(path)[(prefix.Length + 1)..].Split('-');
        return parts.Length >= 2
            && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int pid)
            && ulong.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out ulong start)
            && StartTime(pid) != start;
    }

    /// <summary>
    /// Field 22 of /proc/PID/stat (proc(5)), in clock ticks after boot; with it a reused pid is not taken for its predecessor. Null when
    /// there is no such process.
    /// </summary>
    private static ulong? StartTime(int pid)
    {
        try
        {
            string stat = File.ReadAllText($"/proc/{pid}/stat");
            // The second field is the command in parentheses, which may itself hold blanks and parentheses.
            return ulong.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[19], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
