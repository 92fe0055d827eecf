namespace HostAgent.Policy;

/// <summary>Reads the keys of a rule, and of <c>defaults</c>, that say how much of the traffic is wanted.</summary>
internal static class RuleTrafficReader
{
    /// <summary>The keys, for the list of those that a mapping may have.</summary>
    public static readonly string[] Keys = ["filter", "sample", "always", "slice", "rate", "priority"];

    /// <summary>The values with which a rule takes back what <c>defaults</c> say.</summary>
    private const string WholeFlows = "all", Unlimited = "unlimited";

    /// <param name="fields">The rule, or <c>defaults</c>.</param>
    /// <param name="inherited">What holds for keys that are not there.</param>
    /// <param name="filters">Compiles the expressions.</param>
    /// <param name="errors">Gets what is wrong.</param>
    public static RuleTraffic Read(YamlFields fields, RuleTraffic inherited, RuleFilters filters, PolicyErrors errors) =>
        new(ReadSample(fields, errors) ?? inherited.Sample, ReadPriority(fields) ?? inherited.Priority)
        {
            Filter = filters.Read(fields, "filter") ?? inherited.Filter,
            Always = filters.Read(fields, "always") ?? inherited.Always,
            Slice = ReadSlice(fields, errors) ?? inherited.Slice,
            Rate = ReadRate(fields, inherited.Rate, errors),
        };

    private static MirrorPriority? ReadPriority(YamlFields fields) =>
        fields.Word(fields.Optional("priority"), MirrorPriorityNames.All) is { } word
        && Array.IndexOf(MirrorPriorityNames.All, word) is >= 0 and var at
            ? (MirrorPriority)at
            : null;

    private static SampleShare? ReadSample(YamlFields fields, PolicyErrors errors)
    {
        YamlNode? node = fields.Optional("sample");
        string allowed = $"such as 1/8, from 1/{SampleShare.Finest} to 1/1";
        // Not the words for what is no text: 0.125 in quotes would be no share either.
        if (fields.Written(node, $"a share of the flows, {allowed}") is not { } text) return null;
        SampleShare? share = SampleShare.Parse(text);
        if (share is null) errors.Add(node!, $"{YamlPath.Quote(text)} is no share of the flows; write {allowed}");
        return share;
    }

    /// <summary>A number without a unit is no text in YAML.</summary>
    private static long? ReadSlice(YamlFields fields, PolicyErrors errors)
    {
        const string Allowed = "a size such as 64KiB (B, KiB, MiB, GiB; bytes without a unit), from 1B to 1024GiB, or all for whole flows";
        YamlNode? node = fields.Optional("slice");
        if (fields.Written(node, Allowed) is not { } text) return null;
        if (text == WholeFlows) return 0;
        if (ByteSize.Parse(text) is { } size) return size.Bytes;
        errors.Add(node!, $"must be {Allowed}, is {YamlPath.Quote(text)}");
        return null;
    }

    private static RateLimit? ReadRate(YamlFields fields, RateLimit? inherited, PolicyErrors errors)
    {
        YamlNode? node = fields.Optional("rate");
        if (fields.Text(node) is not { } text) return inherited;
        if (text == Unlimited) return null;
        RateLimit? rate = RateLimit.Parse(text);
        if (rate is null)
        {
            errors.Add(node!, $"{YamlPath.Quote(text)} is no rate; write such as 200Mbit or 50kpps "
                + $"(kbit, Mbit, Gbit, pps, kpps, Mpps; above 0, at most 1000Gbit or 1000Mpps), or {Unlimited}");
        }

        return rate;
    }
}
