using System.Text.RegularExpressions;
using HostAgent.Accounts;
using HostAgent.Tests.Observability;
using YamlDotNet.RepresentationModel;

namespace HostAgent.Tests.Deploy;

/// <summary>The alert rules in deploy/monitoring: what promtool says of them, and that they speak of what there is.</summary>
[Parallelizable]
internal sealed partial class AlertRulesTests
{
    /// <summary>Metrics of Prometheus itself and of kube-state-metrics.</summary>
    private static readonly string[] Others = ["up", "kube_daemonset_status_desired_number_scheduled"];

    private static readonly string Folder = Path.Combine(ManifestTests.Root, "deploy", "monitoring");

    private static readonly YamlNode[] Rules = [.. (YamlSequenceNode)Document("rules.yaml")["groups"][0]["rules"]];

    private static IEnumerable<string> Alerts => Rules.Select(rule => rule["alert"].ToString());

    [Test]
    public void Promtool_takes_the_rules()
    {
        (int? code, string said) = Promtool.Run(["check", "rules", "rules.yaml"], folder: Folder);
        Assert.That(code, Is.Zero, said);
        Assert.That(said, Does.Contain($"SUCCESS: {Rules.Length} rules found"));
    }

    [Test]
    public void Each_alert_fires_and_does_not_fire_as_the_unit_tests_say()
    {
        (int? code, string said) = Promtool.Run(["test", "rules", "rules.test.yaml"], folder: Folder);
        Assert.That(code, Is.Zero, said);
        var tested = ((YamlSequenceNode)Document("rules.test.yaml")["tests"])
            .SelectMany(test => (YamlSequenceNode)test["alert_rule_test"]).Cast<YamlMappingNode>()
            .Select(test => (Alert: test["alertname"].ToString(), Fires: test.Children.ContainsKey("exp_alerts"))).ToList();
        Assert.That(tested.Distinct(), Is.EquivalentTo(Alerts.SelectMany(alert => new[] { (alert, true), (alert, false) })));
    }

    [Test]
    public void The_operator_gets_the_same_rules()
    {
        YamlNode rule = Document("prometheusrule.yaml");
        Assert.That((rule["apiVersion"].ToString(), rule["kind"].ToString()), Is.EqualTo(("monitoring.coreos.com/v1", "PrometheusRule")));
        Assert.That(rule["spec"], Is.EqualTo(Document("rules.yaml")));
    }

    [Test]
    public void Each_alert_leads_to_its_section_of_the_runbook()
    {
        string runbook = File.ReadAllText(Path.Combine(ManifestTests.Root, "docs", "runbook.md"));
        Assert.That(Sections().Matches(runbook).Select(section => section.Groups[1].Value), Is.EqualTo(Alerts));
        Assert.That(Parts().Matches(runbook).Select(part => part.Groups[1].Value),
            Is.EqualTo(Alerts.SelectMany(_ => new[] { "Meaning", "Look", "Mend" })));
        // GitHub's anchor of a heading.
        Assert.That(Rules.Select(rule => rule["annotations"]["runbook_url"].ToString()),
            Is.EqualTo(Alerts.Select(alert => $"docs/runbook.md#{alert.ToLowerInvariant()}")));
    }

    [Test]
    public async Task The_agent_has_every_metric_of_which_the_rules_speak()
    {
        HashSet<string> there = (await Example.PageAsync()).Names;
        string[] named = [.. Rules.SelectMany(rule => Names(rule["expr"].ToString())).Distinct()];
        Assert.That(named.Where(name => !there.Contains(name)), Is.EquivalentTo(Others));
    }

    [Test]
    public void Each_reason_of_loss_that_has_a_mend_has_one_alert()
    {
        string expression = Rules.Single(rule => rule["alert"].ToString() == "HostAgentFramesLost")["expr"].ToString();
        string[] without = Reasons().Match(expression).Groups[1].Value.Split('|');
        // Of these two there is another alert.
        string[] others = [LossReason.NoSensor.Name(), LossReason.Fault.Name()];
        Assert.That(without, Is.EquivalentTo(
            Enum.GetValues<LossReason>().Where(reason => reason.Mend() is null).Select(reason => reason.Name()).Concat(others)));
    }

    /// <summary>The metrics in a PromQL expression: its names that are no function, no keyword and no label.</summary>
    private static IEnumerable<string> Names(string expression) =>
        Identifiers().Matches(Labels().Replace(expression, " ")).Select(name => name.Value)
            .Where(name => name is not ("and" or "or" or "unless" or "offset"));

    private static YamlNode Document(string file)
    {
        var stream = new YamlStream();
        using StreamReader reader = File.OpenText(Path.Combine(Folder, file));
        stream.Load(reader);
        return stream.Documents.Single().RootNode;
    }

    [GeneratedRegex(@"^## (\w+)$", RegexOptions.Multiline)]
    private static partial Regex Sections();

    [GeneratedRegex(@"^\*\*(\w+)\.\*\*", RegexOptions.Multiline)]
    private static partial Regex Parts();

    [GeneratedRegex("reason!~\"([^\"]*)\"")]
    private static partial Regex Reasons();

    /// <summary>Matchers, ranges, and the labels of by, on and ignoring.</summary>
    [GeneratedRegex(@"\{[^}]*\}|\[[^\]]*\]|\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")]
    private static partial Regex Labels();

    [GeneratedRegex(@"\b[a-zA-Z_]\w*\b(?!\s*\()")]
    private static partial Regex Identifiers();
}
