using System.Globalization;

namespace HostAgent.Governing;

/// <summary>
/// What the node's CPUs did with received packets, of all network namespaces together (/proc/net/softnet_stat; softnet_seq_show in
/// net/core/net-procfs.c).
/// </summary>
/// <param name="Processed">Packets taken from the CPUs' receive queues; 32 bits, wrapping.</param>
/// <param name="Dropped">Packets for which a queue had no room (net.core.netdev_max_backlog); 32 bits, wrapping.</param>
/// <param name="Cpus">How many CPUs are online.</param>
internal readonly record struct SoftnetCounts(uint Processed, uint Dropped, int Cpus)
{
    public const string File = "/proc/thread-self/net/softnet_stat";

    /// <summary>Null where it cannot be read.</summary>
    public static SoftnetCounts? Read(string file = File)
    {
        try
        {
            return Parse(System.IO.File.ReadAllText(file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>A line for each CPU, of hexadecimal words: processed, dropped, time_squeeze (which is no drop), and more.</summary>
    public static SoftnetCounts? Parse(string text)
    {
        uint processed = 0, dropped = 0;
        int cpus = 0;
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 3 || !TryRead(words[0], out uint packets) || !TryRead(words[1], out uint drops)) return null;
            unchecked
            {
                processed += packets;
                dropped += drops;
            }

            cpus++;
        }

        return cpus > 0 ? new SoftnetCounts(processed, dropped, cpus) : null;
    }

    private static bool TryRead(string word, out uint value) =>
        uint.TryParse(word, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
}
