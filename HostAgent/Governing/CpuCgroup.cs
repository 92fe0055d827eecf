using System.Globalization;

namespace HostAgent.Governing;

/// <summary>
/// The CPU controller's cgroup of this process, of either version: its quota, and how often the kernel has stopped it at that. Source:
/// cgroups(7), Documentation/admin-guide/cgroup-v2.rst, Documentation/scheduler/sched-bwc.rst.
/// </summary>
internal sealed class CpuCgroup
{
    private readonly string[] _folders;
    private readonly bool _unified;

    private CpuCgroup(string[] folders, bool unified) => (_folders, _unified) = (folders, unified);

    /// <summary>Its folder.</summary>
    public string Folder => _folders[0];

    /// <summary>Null when no CPU controller is mounted here.</summary>
    /// <param name="cgroups">The text of /proc/self/cgroup.</param>
    /// <param name="mounts">The text of /proc/self/mountinfo.</param>
    /// <param name="exists">Whether there is such a folder.</param>
    public static CpuCgroup? Find(string cgroups, string mounts, Func<string, bool>? exists = null)
    {
        exists ??= Directory.Exists;
        foreach (bool unified in new[] { false, true })
        {
            if (PathIn(cgroups, unified) is not { } path || MountIn(mounts, unified) is not var (root, point)) continue;
            // A container without a cgroup namespace sees the path as the host does, and only its own folder of it mounted. Where neither
            // fits, what is mounted is all there is.
            string inside = path == root || root == "/" ? path[(root == "/" ? 0 : root.Length)..]
                : path.StartsWith(root + "/", StringComparison.Ordinal) ? path[root.Length..] : "";
            string folder = Path.TrimEndingDirectorySeparator(point + inside);
            if (!exists(folder)) folder = point;
            if (unified && !exists(folder)) continue;
            return new CpuCgroup([.. Upwards(folder, point)], unified);
        }

        return null;
    }

    /// <summary>The one of this process; null when there is none, or it cannot be known.</summary>
    public static CpuCgroup? Own()
    {
        try
        {
            return Find(File.ReadAllText("/proc/self/cgroup"), File.ReadAllText("/proc/self/mountinfo"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>How many cores' time it may use, by the strictest of its own and its parents' quotas; null without one.</summary>
    public double? Quota() => _folders.Select(folder => _unified
        ? QuotaOf(Text(folder, "cpu.max"))
        : QuotaOf($"{Text(folder, "cpu.cfs_quota_us")} {Text(folder, "cpu.cfs_period_us")}")).Min();

    /// <summary>Periods in which it wanted to run, and those of them in which it was stopped at the quota.</summary>
    public (long All, long Throttled) Periods()
    {
        string[] lines = Text(Folder, "cpu.stat").Split('\n');
        return (Value("nr_periods "), Value("nr_throttled "));

        long Value(string name) => lines.FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal)) is { } line
            && long.TryParse(line.AsSpan(name.Length), NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : 0;
    }

    /// <summary>"max 100000", "50000 100000" and, of version 1, "-1 100000".</summary>
    private static double? QuotaOf(string text)
    {
        string[] words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return words.Length == 2 && long.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out long quota)
            && long.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out long period) && quota > 0 && period > 0
            ? (double)quota / period
            : null;
    }

    private static string? PathIn(string cgroups, bool unified) => cgroups.Split('\n').Select(line => line.Split(':', 3))
        .Where(line => line.Length == 3 && (unified ? line[0] == "0" && line[1].Length == 0 : line[1].Split(',').Contains("cpu")))
        .Select(line => line[2]).FirstOrDefault();

    // id parent major:minor root point options … - type source superoptions
    private static (string Root, string Point)? MountIn(string mounts, bool unified)
    {
        foreach (string line in mounts.Split('\n'))
        {
            string[] words = line.Split(' ');
            int end = Array.IndexOf(words, "-");
            if (end < 6 || words.Length < end + 4 || words[end + 1] != (unified ? "cgroup2" : "cgroup")) continue;
            if (unified || words[end + 3].Split(',').Contains("cpu")) return (words[3], words[4]);
        }

        return null;
    }

    private static IEnumerable<string> Upwards(string folder, string point)
    {
        for (string? at = folder; at is not null && at.Length >= point.Length; at = Path.GetDirectoryName(at)) yield return at;
    }

    private static string Text(string folder, string file)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The root has none of these files.
            return "";
        }
    }
}
