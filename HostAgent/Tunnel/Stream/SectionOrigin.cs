using System.Globalization;
using System.Text.RegularExpressions;

namespace HostAgent.Tunnel;

/// <summary>
/// What a section of a stream to another host says of where it is from: a comment of its header. Within a connection nothing is lost, so
/// the number of its first record is all that a receiver needs to find what is missing between two connections.
/// </summary>
/// <param name="Node">The agent's node.</param>
/// <param name="Stream">The same for all connections that follow each other, and for no others.</param>
/// <param name="First">How many records of this stream were written before, in all connections together.</param>
internal readonly partial record struct SectionOrigin(string Node, Guid Stream, long First)
{
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"host-agent stream {Stream:N} of node {Node}: {First} records before");

    /// <returns>Null when the text is no such comment.</returns>
    public static SectionOrigin? Parse(string text) =>
        Written().Match(text) is { Success: true, Groups: var parts }
        && long.TryParse(parts[3].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out long first)
            ? new SectionOrigin(parts[2].Value, Guid.ParseExact(parts[1].ValueSpan, "N"), first)
            : null;

    [GeneratedRegex(@"^host-agent stream ([0-9a-f]{32}) of node ([\w.-]{1,253}): ([0-9]{1,18}) records before$")]
    private static partial Regex Written();
}
