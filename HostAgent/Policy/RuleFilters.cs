using HostAgent.Filters;

namespace HostAgent.Policy;

/// <summary>
/// The expressions of one reading of the policy, each distinct one compiled once. How long and how many they may be is limited, since
/// libpcap's optimizer takes seconds for some of a few thousand characters.
/// </summary>
internal sealed class RuleFilters(PolicyErrors errors)
{
    /// <summary>The longest expression, in characters.</summary>
    public const int Longest = 4096;

    /// <summary>How many different expressions a policy may have.</summary>
    public const int Most = 64;

    private readonly Dictionary<string, (FrameFilter? Filter, string? Problem)> _compiled = new(StringComparer.Ordinal);

    /// <returns>Null when there is no such key, and, with an error, when its expression cannot be used.</returns>
    public FrameFilter? Read(YamlFields fields, string key)
    {
        YamlNode? node = fields.Optional(key);
        if (fields.Text(node) is not { } expression) return null;
        if (!_compiled.TryGetValue(expression, out (FrameFilter? Filter, string? Problem) compiled))
            _compiled.Add(expression, compiled = Compile(expression));
        if (compiled.Problem is { } problem) errors.Add(node!, problem);
        return compiled.Filter;
    }

    private (FrameFilter? Filter, string? Problem) Compile(string expression)
    {
        if (string.IsNullOrWhiteSpace(expression)) return (null, "is empty; leave it out, or write an expression of pcap-filter(7)");
        if (expression.Length > Longest) return (null, $"has {expression.Length} characters; an expression has at most {Longest}");
        if (_compiled.Count >= Most) return (null, $"is one more different expression than the {Most} that a policy may have");
        try
        {
            return (FrameFilter.Compile(expression), null);
        }
        catch (FilterException e)
        {
            return (null, e.Why is { } why ? $"{YamlPath.Quote(expression)} {why}" : e.Message);
        }
    }
}
