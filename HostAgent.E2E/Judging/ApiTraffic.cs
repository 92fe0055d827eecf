using System.Text.RegularExpressions;
using HostAgent.E2E.Acting;

namespace HostAgent.E2E.Judging;

/// <summary>What the agent and the API server say to each other, as the kernel counts it.</summary>
internal static partial class ApiTraffic
{
    /// <summary>
    /// The bytes of the agent's connections that are open now, both directions, TLS included. A connection that ends takes its count along.
    /// </summary>
    public static long Bytes(TestBed bed)
    {
        // Of each connection two lines: addresses and process, then counts.
        string[] lines = bed.Scripts!.Sh(bed.Node, "ss", "-Htinp", "state", "established").Split('\n');
        return lines.Zip(lines.Skip(1)).Where(pair => pair.First.Contains("host-agent", StringComparison.Ordinal))
            .SelectMany(pair => Counts().Matches(pair.Second)).Sum(count => long.Parse(count.Groups["bytes"].ValueSpan));
    }

    [GeneratedRegex(@"\bbytes_(sent|received):(?<bytes>\d+)")]
    private static partial Regex Counts();
}
