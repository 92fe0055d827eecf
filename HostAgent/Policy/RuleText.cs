namespace HostAgent.Policy;

/// <summary>A rule key by key as a policy writes it, so that two rules can be compared and shown.</summary>
public static class RuleText
{
    /// <summary>The rule's name, then all keys in a fixed order, each with its value.</summary>
    public static IReadOnlyList<(string Key, string Value)> Of(MirrorRule rule) =>
    [
        ("rule", rule.Name),
        ("vni", $"{rule.Vni}"),
        ("filter", rule.Traffic.Filter?.Expression ?? "all"),
        ("sample", rule.Traffic.Sample.ToString()),
        ("always", rule.Traffic.Always?.Expression ?? "none"),
        ("slice", rule.Traffic.Slice > 0 ? new ByteSize(rule.Traffic.Slice).ToString() : "all"),
        ("rate", rule.Traffic.Rate?.ToString() ?? "unlimited"),
        ("priority", rule.Traffic.Priority.Name()),
    ];

    /// <summary>Those of them that say something: the rule, its VNI, and what is not as it is without the key.</summary>
    public static IEnumerable<(string Key, string Value)> Said(MirrorRule rule)
    {
        IReadOnlyList<(string Key, string Value)> usual = Of(rule with { Traffic = RuleTraffic.All });
        return Of(rule).Where(key => key.Key is "rule" or "vni" || !usual.Contains(key));
    }

    /// <summary>The keys whose values differ.</summary>
    public static IEnumerable<(string Key, string Old, string New)> Differences(MirrorRule old, MirrorRule rule) =>
        Of(old).Zip(Of(rule), (was, now) => (was.Key, Old: was.Value, New: now.Value)).Where(key => key.Old != key.New);
}
