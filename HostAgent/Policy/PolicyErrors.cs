using System.Collections.Immutable;

namespace HostAgent.Policy;

/// <summary>Collects what is wrong with a policy, so that all of it is reported at once.</summary>
internal sealed class PolicyErrors
{
    /// <summary>A hostile file of a mebibyte can hold some hundred thousand mistakes; nobody reads so many.</summary>
    private const int Most = 200;

    private readonly List<PolicyError> _errors = [];
    private int _unlisted;

    public bool Any => _errors.Count > 0;

    public int Count => _errors.Count + _unlisted;

    public void Add(YamlNode at, string message) => Add(at.Line, at.Path, message);

    public void Add(int line, YamlPath path, string message)
    {
        if (_errors.Count < Most) _errors.Add(new PolicyError(line, path.ToString(), message));
        else _unlisted++;
    }

    /// <summary>Reports that a node is of the wrong type, once.</summary>
    public void WrongType(YamlNode node, string expected)
    {
        if (node is not YamlNode.Invalid) Add(node, $"must be {expected}, is {node.Kind}");
    }

    /// <summary>In the order of the file.</summary>
    public ImmutableArray<PolicyError> ToImmutable()
    {
        IEnumerable<PolicyError> ordered = _errors.OrderBy(e => e.Line);
        return _unlisted == 0
            ? [.. ordered]
            : [.. ordered, new PolicyError(_errors.Max(e => e.Line), "", $"and {_unlisted} more errors")];
    }
}
