namespace HostAgent.Policy;

/// <summary>Reads the keys of a rule, and of <c>defaults</c>, that say how much of the traffic is wanted.</summary>
internal static class RuleTrafficReader
{
    /// <summary>The keys, for the list of those that a mapping may have.</summary>
    public static readonly string[] Keys = ["filter", "sample", "always", "priority"];

    /// <param name="fields">The rule, or <c>defaults</c>.</param>
    /// <param name="inherited">What holds for keys that are not there.</param>
    /// <param name="filters">Compiles the expressions.</param>
    /// <param name="errors">Gets what is wrong.</param>
    public static RuleTraffic Read(YamlFields fields, RuleTraffic inherited, RuleFilters filters, PolicyErrors errors) =>
        new(ReadSample(fields, errors) ?? inherited.Sample, ReadPriority(fields) ?? inherited.Priority)
        {
            Filter = filters.Read(fields, "filter") ?? inherited.Filter,
            Always = filters.Read(fields, "always") ?? inherited.Always,
        };

    private static MirrorPriority? ReadPriority(YamlFields fields) =>
        fields.Word(fields.Optional("priority"), MirrorPriorityNames.All) is { } word
        && Array.IndexOf(MirrorPriorityNames.All, word) is >= 0 and var at
            ? (MirrorPriority)at
            : null;

    private static SampleShare? ReadSample(YamlFields fields, PolicyErrors errors)
    {
        YamlNode? node = fields.Optional("sample");
        if (node is null) return null;
        string allowed = $"such as 1/8, from 1/{SampleShare.Finest} to 1/1";
        if (node is not YamlNode.Scalar { Text: not "" and var text })
        {
            errors.WrongType(node, $"a share of the flows, {allowed}");
            return null;
        }

        // Not the words for what is no text: 0.125 in quotes would be no share either.
        SampleShare? share = SampleShare.Parse(text);
        if (share is null) errors.Add(node, $"{YamlPath.Quote(text)} is no share of the flows; write {allowed}");
        return share;
    }
}
