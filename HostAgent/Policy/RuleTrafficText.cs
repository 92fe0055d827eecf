namespace HostAgent.Policy;

/// <summary>How much a rule wants, key by key as a policy writes it, so that two rules can be compared and shown.</summary>
public static class RuleTrafficText
{
    /// <summary>All keys in a fixed order, each with its value; an empty one where the key means nothing.</summary>
    public static IReadOnlyList<(string Key, string Value)> Of(RuleTraffic traffic) =>
    [
        ("sample", traffic.Sample.ToString()),
        ("priority", traffic.Priority.Name()),
    ];
}
