using System.Text;
using HostAgent.Policy;

namespace HostAgent.Tests.Policy;

/// <summary>What is written in good form and means nothing, or nothing that is possible.</summary>
internal sealed class BadValuesTests
{
    [Test]
    public void All_bad_values_of_one_file_are_told_at_once_each_at_its_line()
    {
        const string bad = """
            apiVersion: hostagent/v1
            kind: MirrorPolicy
            sensor: {address: 127.0.0.1, segments: 64 parsecs}
            vni: 1
            defaults:
              sample: 1/0
              priority: urgent
            rules:
            - name: web
              namespaceSelector: {matchLabels: {mirror: "on"}}
              sample: 9/8
            - name: web
              namespaceSelector: {matchLabels: {mirror: "off"}}
              priority: 3
            - name: api
              namespaceSelector: {matchLabels: {mirror: "on"}}
              podSelector: {matchLabels: {app: api}}
            - name: nothing
              namespaceSelector: {}
              podSelector:
                matchLabels: {app: api}
                matchExpressions: [{key: app, operator: DoesNotExist}]
            - name: rest
              namespaceSelector: {}
              sample: 0.5
            - name: late
              namespaceSelector: {matchLabels: {team: blue}}
              sample: "1/8 "
            """;
        Assert.That(Errors(bad), Is.EqualTo(new[]
        {
            "p:3: sensor.segments: must be wire, link or a number from 576 to 65499 (bytes) in decimal digits without quotes, "
                + "is \"64 parsecs\"",
            "p:6: defaults.sample: \"1/0\" is no share of the flows; write such as 1/8, from 1/65536 to 1/1",
            "p:7: defaults.priority: must be low or normal or high, is \"urgent\"; known are low, normal, high",
            "p:11: rules[0].sample: \"9/8\" is no share of the flows; write such as 1/8, from 1/65536 to 1/1",
            "p:12: rules[1].name: \"web\" is the name of the rule on line 9 too; names are unique",
            "p:14: rules[1].priority: must be low or normal or high, is \"3\"; known are low, normal, high",
            "p:15: rules[2]: \"api\" can never match: the first rule that matches decides, and \"web\" on line 9 matches all that it does; "
                + "put it before that one, or remove it",
            "p:21: rules[3].podSelector: selects nothing: no label \"app\" is all that it asks for; remove what contradicts the rest",
            "p:25: rules[4].sample: \"0.5\" is no share of the flows; write such as 1/8, from 1/65536 to 1/1",
            "p:26: rules[5]: \"late\" can never match: the first rule that matches decides, and \"rest\" on line 23 matches all that it "
                + "does; put it before that one, or remove it",
            "p:28: rules[5].sample: \"1/8 \" is no share of the flows; write such as 1/8, from 1/65536 to 1/1",
        }));
    }

    [TestCase("{matchLabels: {a: x}}", "{matchLabels: {a: x, b: y}}", true)]
    [TestCase("{matchLabels: {a: x, b: y}}", "{matchLabels: {a: x}}", false)]
    [TestCase("{matchExpressions: [{key: a, operator: Exists}]}", "{matchLabels: {a: x}}", true)]
    [TestCase("{matchExpressions: [{key: a, operator: In, values: [x, y]}]}", "{matchLabels: {a: y}}", true)]
    [TestCase("{matchExpressions: [{key: a, operator: NotIn, values: [x]}]}", "{matchLabels: {a: y}}", true)]
    [TestCase("{matchExpressions: [{key: a, operator: NotIn, values: [x]}]}", "{}", false)]
    [TestCase("{matchExpressions: [{key: a, operator: NotIn, values: [x]}]}",
        "{matchExpressions: [{key: a, operator: DoesNotExist}]}", true)]
    [TestCase("{matchLabels: {a: x}}", "{matchLabels: {b: x}}", false)]
    public void A_rule_is_dead_when_one_before_it_takes_all_it_matches(string first, string second, bool dead)
    {
        foreach ((string One, string Two) rules in new[]
        {
            ($"namespaceSelector: {first}", $"namespaceSelector: {second}"),
            ($"namespaceSelector: {{}}, podSelector: {first}", $"namespaceSelector: {{}}, podSelector: {second}"),
        })
        {
            string[] errors = Errors(PolicyText.With(rule: $"{{name: one, {rules.One}}}\n- {{name: two, {rules.Two}}}"));
            Assert.That(errors, Has.Length.EqualTo(dead ? 1 : 0), string.Join('\n', errors));
        }
    }

    [Test]
    public void A_rule_whose_selector_is_wrong_takes_nothing_from_others() => Assert.That(
        Errors(PolicyText.With(rule: "{name: one, namespaceSelector: {matchLabel: {}}}\n- {name: two, namespaceSelector: {}}")),
        Is.EqualTo(new[] { "p:7: rules[0].namespaceSelector.matchLabel: unknown key; did you mean matchLabels?" }));

    [Test]
    public void A_policy_of_very_many_rules_is_read_to_its_end()
    {
        string rules = string.Join('\n', Enumerable.Range(0, 12_000)
            .Select(i => $"- {{name: r{i}, namespaceSelector: {{matchLabels: {{app: v{i}}}}}}}"));
        string text = PolicyText.With(rule: "{name: all, namespaceSelector: {matchLabels: {app: x}}}\n" + rules);
        Assert.That(PolicyReader.Read(Encoding.UTF8.GetBytes(text)).Policy?.Rules.Length, Is.EqualTo(12_001));
    }

    private static string[] Errors(string text) => [.. PolicyReader.Read(Encoding.UTF8.GetBytes(text)).Errors.Select(e => e.In("p"))];
}
