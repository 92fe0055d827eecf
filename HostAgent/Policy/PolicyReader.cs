using System.Collections.Immutable;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace HostAgent.Policy;

/// <summary>
/// Reads the policy file. Its content is not trusted: whatever it holds, the outcome is a policy or a list of errors, never an exception.
/// The file is validated as a whole, so that all errors are seen at once.
/// </summary>
public static class PolicyReader
{
    /// <summary>The largest file that is read, in bytes; a ConfigMap cannot hold more.</summary>
    public const int LargestFile = 1 << 20;

    public const int LargestVni = (1 << 24) - 1;

    private static readonly string[] PolicyKeys =
        ["apiVersion", "kind", "sensor", "vni", "budget", "podMap", "log", "tap", "defaults", "rules"];

    private static readonly string[] RuleKeys = ["name", "namespaceSelector", "podSelector", "vni", .. RuleTrafficReader.Keys];

    public static PolicyResult Read(ReadOnlySpan<byte> content)
    {
        var errors = new PolicyErrors();
        MirrorPolicy? policy = null;
        if (content.Length > LargestFile) errors.Add(1, YamlPath.Root, $"is larger than {LargestFile} bytes");
        else if (YamlTree.Read(content, errors) is { } root) policy = ReadPolicy(root, Revision(content), errors);
        return errors.Any ? new PolicyResult(null, errors.ToImmutable()) : new PolicyResult(policy, []);
    }

    private static string Revision(ReadOnlySpan<byte> content) => Convert.ToHexStringLower(SHA256.HashData(content))[..12];

    private static MirrorPolicy? ReadPolicy(YamlNode root, string revision, PolicyErrors errors)
    {
        if (YamlFields.Of(root, errors, PolicyKeys) is not { } fields) return null;
        fields.Word(fields.Required("apiVersion", "this agent reads hostagent/v1"), "hostagent/v1");
        fields.Word(fields.Required("kind", "write kind: MirrorPolicy"), "MirrorPolicy");
        SensorPolicy? sensor = fields.Required("sensor", "say who receives the frames") is { } node
            ? SensorPolicyReader.Read(node, errors)
            : null;
        uint? vni = (uint?)fields.Number(fields.Optional("vni"), 0, LargestVni);
        CpuBudget? budget = BudgetReader.Read(fields.Optional("budget"), errors);
        PodMapPolicy? podMap = PodMapReader.Read(fields.Optional("podMap"), errors);
        LogLevel level = LogLevelReader.Read(fields.Optional("log"), errors);
        TapScope tap = fields.Word(fields.Optional("tap"), TapScopeNames.All) == TapScope.Any.Name() ? TapScope.Any : TapScope.Scope;
        var filters = new RuleFilters(errors);
        RuleTraffic defaults = ReadDefaults(fields.Optional("defaults"), filters, errors);
        YamlNode? list = fields.Required("rules", "without rules no pod is mirrored");
        ImmutableArray<MirrorRule> rules = list is null ? [] : ReadRules(list, vni, defaults, filters, fields, errors);
        return sensor is null ? null : new MirrorPolicy(revision, sensor, rules)
        {
            Vni = vni,
            Budget = budget,
            PodMap = podMap,
            LogLevel = level,
            Tap = tap,
        };
    }

    private static RuleTraffic ReadDefaults(YamlNode? node, RuleFilters filters, PolicyErrors errors) =>
        node is not null && YamlFields.Of(node, errors, RuleTrafficReader.Keys) is { } fields
            ? RuleTrafficReader.Read(fields, RuleTraffic.All, filters, errors)
            : RuleTraffic.All;

    private static ImmutableArray<MirrorRule> ReadRules(
        YamlNode node, uint? vni, RuleTraffic defaults, RuleFilters filters, YamlFields policy, PolicyErrors errors)
    {
        if (node is not YamlNode.Sequence list)
        {
            errors.WrongType(node, "a list of rules");
            return [];
        }

        if (list.Items.IsEmpty) errors.Add(node, "is empty; without rules no pod is mirrored");
        ImmutableArray<MirrorRule>.Builder rules = ImmutableArray.CreateBuilder<MirrorRule>(list.Items.Length);
        var names = new Dictionary<string, int>(StringComparer.Ordinal);
        var dead = new DeadRules();
        bool needsVni = false;
        foreach (YamlNode item in list.Items)
        {
            if (YamlFields.Of(item, errors, RuleKeys) is not { } fields) continue;
            string? name = ReadName(fields, names, errors);
            int before = errors.Count;
            LabelSelector? namespaces = LabelSelectorReader.Read(
                fields.Required("namespaceSelector", "write {} to select every namespace"), errors);
            YamlNode? pods = fields.Optional("podSelector");
            LabelSelector? podSelector = pods is null ? LabelSelector.Everything : LabelSelectorReader.Read(pods, errors);
            bool selects = errors.Count == before && namespaces is not null && podSelector is not null;
            if (selects) dead.Look(item, name, namespaces!, podSelector!, errors);
            uint? own = (uint?)fields.Number(fields.Optional("vni"), 0, LargestVni);
            needsVni |= fields.Optional("vni") is null;
            RuleTraffic traffic = RuleTrafficReader.Read(fields, defaults, filters, errors);
            if (name is not null && namespaces is not null && podSelector is not null)
                rules.Add(new MirrorRule(name, namespaces, podSelector, own ?? vni ?? 0) { Traffic = traffic });
        }

        if (needsVni) policy.Required("vni", "give one here, or one in every rule");
        return rules.ToImmutable();
    }

    private static string? ReadName(YamlFields fields, Dictionary<string, int> names, PolicyErrors errors)
    {
        YamlNode? node = fields.Required("name", "status and logs name the rule");
        if (fields.Text(node) is not { } name) return null;
        if (name.Length == 0 || !LabelSyntax.IsValue(name))
        {
            errors.Add(
                node!,
                $"{YamlPath.Quote(name)} is no rule name; it has 1 to 63 letters, digits, '-', '_', '.', "
                + "starting and ending with a letter or digit");
            return null;
        }

        if (names.TryAdd(name, node!.Line)) return name;
        errors.Add(node, $"{YamlPath.Quote(name)} is the name of the rule on line {names[name]} too; names are unique");
        return null;
    }
}
