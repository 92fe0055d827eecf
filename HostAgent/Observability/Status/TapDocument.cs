using System.Text.Json.Serialization;
using HostAgent.Deciding;

namespace HostAgent.Observability;

/// <summary>A line of the JSON of /tap. Names and their order are a contract with scripts.</summary>
/// <param name="Allowed">False is the last line: the pod must not or cannot be tapped, or not any more.</param>
/// <param name="Pod">namespace/name.</param>
/// <param name="Uid">The pod's; null when there is none of that name.</param>
/// <param name="Rule">The rule that selects it; null when none does.</param>
/// <param name="Links">Where its frames are; none while it is waited for.</param>
/// <param name="Finished">The pod has ended.</param>
/// <param name="Reason">Why not, or why there are no links.</param>
internal sealed record TapDocument(
    bool Allowed,
    string Pod,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Uid,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Rule,
    IEnumerable<TapDocument.TappedLink> Links,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Finished,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Reason)
{
    /// <summary>The header that holds the filter, which would be too long for the request's first line.</summary>
    public const string FilterHeader = "Tap-Filter";

    /// <summary>Of a filter, in characters.</summary>
    public const int LongestFilter = 4096;

    public static TapDocument From(TapRequest request, TapDecision decision) => new(
        decision.Verdict is TapVerdict.Granted or TapVerdict.Waiting,
        request.ToString(),
        decision.Pod?.Uid,
        decision.Rule,
        decision.Links.Select(match => new TappedLink(match.Link.Name, match.Link.Index, match.Ip.ToString())),
        decision.Verdict == TapVerdict.Finished,
        decision.Reason);

    internal sealed record TappedLink(string Name, int Ifindex, string Ip);
}
