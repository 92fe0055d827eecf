namespace HostAgent.Policy;

/// <summary>
/// Finds rules that can never match, because one that comes before them matches all that they do, whatever pods there are. Where several
/// earlier rules do so only together it is not found: what is reported is certain.
/// </summary>
internal sealed class DeadRules
{
    /// <summary>
    /// So many rules are compared with each that follows them. More are in no policy that people write, and a hostile one shall be read
    /// soon, too.
    /// </summary>
    private const int MostCompared = 256;

    private readonly List<(string Called, LabelSpace Namespaces, LabelSpace Pods)> _alive = [];

    /// <summary>To be called for each rule whose selectors are without errors, in the order of the file.</summary>
    /// <param name="rule">The rule in the file.</param>
    /// <param name="name">Its name; null when it has no good one.</param>
    /// <param name="namespaces">Its selector of namespaces.</param>
    /// <param name="pods">Its selector of pods.</param>
    /// <param name="errors">Gets what is found.</param>
    public void Look(YamlNode rule, string? name, LabelSelector namespaces, LabelSelector pods, PolicyErrors errors)
    {
        var ofNamespaces = new LabelSpace(namespaces);
        var ofPods = new LabelSpace(pods);
        int by = _alive.FindIndex(earlier => ofNamespaces.IsWithin(earlier.Namespaces) && ofPods.IsWithin(earlier.Pods));
        if (by >= 0)
        {
            errors.Add(rule, $"{(name is null ? "this rule" : YamlPath.Quote(name))} can never match: the first rule that matches decides, "
                + $"and {_alive[by].Called} matches all that it does; put it before that one, or remove it");
        }
        else if (_alive.Count < MostCompared)
        {
            _alive.Add(($"{(name is null ? "the rule" : YamlPath.Quote(name))} on line {rule.Line}", ofNamespaces, ofPods));
        }
    }
}
