namespace HostAgent.Policy;

/// <summary>How much a rule wants, key by key as a policy writes it, so that two rules can be compared and shown.</summary>
public static class RuleTrafficText
{
    /// <summary>All keys in a fixed order, each with its value; an empty one where the key means nothing.</summary>
    public static IReadOnlyList<(string Key, string Value)> Of(RuleTraffic traffic) =>
    [
        ("filter", traffic.Filter?.Expression ?? ""),
        ("sample", traffic.Sample.ToString()),
        ("always", traffic.Always?.Expression ?? ""),
        ("slice", traffic.Slice > 0 ? new ByteSize(traffic.Slice).ToString() : "all"),
        ("rate", traffic.Rate?.ToString() ?? "unlimited"),
        ("priority", traffic.Priority.Name()),
    ];
}
