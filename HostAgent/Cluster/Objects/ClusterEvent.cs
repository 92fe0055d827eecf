using System.Globalization;
using System.Text;

namespace HostAgent.Cluster;

/// <summary>A warning about an object of the cluster, within the bounds that the API server has for it.</summary>
public sealed record ClusterEvent
{
    /// <summary>reportingController.</summary>
    public const string Controller = "host-agent";

    /// <summary>What was done or failed; all that the agent does.</summary>
    public const string Action = "Mirroring";

    // Validation in kubernetes/pkg/apis/core/validation/events.go, in bytes; and a DNS subdomain's length.
    private const int LongestNote = 1024;
    private const int LongestInstance = 128;
    private const int LongestName = 253;

    /// <param name="about">What it is about.</param>
    /// <param name="reason">In CamelCase, for machines.</param>
    /// <param name="note">In words, for people.</param>
    /// <param name="instance">Who reports it.</param>
    /// <param name="time">When it was noticed; a name for it, too, as client-go makes names.</param>
    public ClusterEvent(EventSubject about, string reason, string note, string instance, DateTimeOffset time)
    {
        string end = "." + time.UtcTicks.ToString("x", CultureInfo.InvariantCulture);
        Name = Cut(about.Name, LongestName - end.Length).TrimEnd('.', '-') + end;
        (About, Reason, Note, Instance, Time) = (about, reason, Cut(note, LongestNote), Cut(instance, LongestInstance), time);
    }

    public string Name { get; }

    public EventSubject About { get; }

    public string Reason { get; }

    public string Note { get; }

    public string Instance { get; }

    public DateTimeOffset Time { get; }

    private static string Cut(string text, int bytes)
    {
        while (Encoding.UTF8.GetByteCount(text) > bytes)
        {
            int length = Math.Min(text.Length - 1, bytes);
            text = text[..(char.IsHighSurrogate(text[length - 1]) ? length - 1 : length)];
        }

        return text;
    }
}
