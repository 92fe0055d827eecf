using System.Collections.Immutable;

namespace HostAgent.Configuration;

/// <summary>Collects what is wrong with a policy, so that all of it is reported at once.</summary>
internal sealed class PolicyErrors
{
    /// <summary>A hostile file of a mebibyte can hold some hundred thousand mistakes; nobody reads so many.</summary>
    private const int Most = 200;

    private readonly List<PolicyError> errors = [];
    private int unlisted;

    public bool Any => errors.Count > 0;

    public void Add(YamlNode at, string message) => Add(at.Line, at.Path, message);

    public void Add(int line, YamlPath path, string message)
    {
        if (errors.Count < Most) errors.Add(new PolicyError(line, path.ToString(), message));
        else unlisted++;
    }

    /// <summary>Reports that a node is of the wrong type, once.</summary>
    public void WrongType(YamlNode node, string expected)
    {
        if (node is not YamlNode.Refused) Add(node, $"must be {expected}, is {node.Kind}");
    }

    /// <summary>In the order of the file.</summary>
    public ImmutableArray<PolicyError> ToImmutable()
    {
        IEnumerable<PolicyError> ordered = errors.OrderBy(e => e.Line);
        return unlisted == 0
            ? [.. ordered]
            : [.. ordered, new PolicyError(errors.Max(e => e.Line), "", $"and {unlisted} more errors")];
    }
}
