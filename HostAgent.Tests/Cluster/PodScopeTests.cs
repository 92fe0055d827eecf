using System.Collections.Immutable;
using System.Net;
using System.Text;
using HostAgent.Cluster;
using HostAgent.Policy;
using HostAgent.Tests.Policy;

namespace HostAgent.Tests.Cluster;

internal sealed class PodScopeTests
{
    private const string ASensor = "is a sensor; sensors are never captured";

    private const string Rules = """

        - {name: api-of-on, namespaceSelector: {matchLabels: {mirror: "on"}}, podSelector: {matchLabels: {app: api}}, vni: 100}
        - {name: all-of-on, namespaceSelector: {matchLabels: {mirror: "on"}}}
        - {name: web-anywhere, namespaceSelector: {}, podSelector: {matchExpressions: [{key: app, operator: In, values: [web]}]}}
        """;

    private static readonly Namespace[] Namespaces =
    [
        new() { Uid = "1", Name = "on", Labels = Labels("mirror=on") },
        new() { Uid = "2", Name = "off" },
        new() { Uid = "3", Name = "security", Labels = Labels("mirror=on") },
    ];

    [TestCase("on", "app=api", "api-of-on")]
    [TestCase("on", "app=db", "all-of-on")]
    [TestCase("on", "app=web", "all-of-on")]
    [TestCase("on", "", "all-of-on")]
    [TestCase("off", "app=web", "web-anywhere")]
    [TestCase("off", "app=api", null)]
    [TestCase("on", "run=sensor", "all-of-on")]
    [TestCase("security", "run=other", "all-of-on")]
    public void The_first_rule_that_matches_decides(string @namespace, string labels, string? rule)
    {
        ScopeDecision decision = Decide(SelectorPolicy(), Pod(@namespace, labels));
        Assert.That((decision.Rule?.Name, decision.Reason), Is.EqualTo((rule, rule is null ? "no rule matches" : null)));
    }

    [Test]
    public void A_sensor_in_its_namespace_is_never_in_scope()
    {
        ScopeDecision decision = Decide(SelectorPolicy(), Pod("security", "run=sensor"));
        Assert.That((decision.Rule, decision.Reason), Is.EqualTo(((MirrorRule?)null, ASensor)));
    }

    [Test]
    public void A_pod_with_the_sensors_address_is_never_in_scope_unless_the_address_is_the_nodes()
    {
        MirrorPolicy policy = Policy("address: 10.0.0.9");
        Pod pod = Pod("on", "app=api") with { Ips = [IPAddress.Parse("10.0.0.9")] };
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Decide(policy, pod).Reason, Is.EqualTo(ASensor));
            Assert.That(Decide(policy, pod with { HostNetwork = true }).Rule?.Name, Is.EqualTo("api-of-on"));
            Assert.That(Decide(policy, pod with { Phase = PodPhase.Succeeded }).Reason, Is.Not.EqualTo(ASensor),
                "its address may be another's");
            Assert.That(Decide(policy, pod with { Ips = [] }).Rule?.Name, Is.EqualTo("api-of-on"));
        }
    }

    [Test]
    public void A_pod_whose_namespace_is_unknown_is_reported_as_such()
    {
        ScopeDecision decision = Decide(SelectorPolicy(), Pod("unheard-of", "app=web"));
        Assert.That((decision.Rule, decision.Reason),
            Is.EqualTo(((MirrorRule?)null, "namespace unheard-of is not known, so no rule can be matched")));
    }

    [Test]
    public void Every_pod_has_one_decision_in_the_order_of_names()
    {
        Pod[] pods =
        [
            Pod("on", "") with { Uid = "z", Name = "b" },
            Pod("on", "") with { Uid = "y", Name = "a" },
            Pod("off", "") with { Uid = "x", Name = "c" },
        ];
        Assert.That(PodScope.Decide(SelectorPolicy(), pods, Namespaces).Select(d => d.Pod.Uid), Is.EqualTo(new[] { "x", "y", "z" }));
    }

    private static ScopeDecision Decide(MirrorPolicy policy, Pod pod) => PodScope.Decide(policy, [pod], Namespaces).Single();

    private static MirrorPolicy SelectorPolicy() => Policy("selector: {matchLabels: {run: sensor}}\n  namespaces: [security]");

    private static MirrorPolicy Policy(string sensor)
    {
        string text = PolicyText.With(sensor: sensor).Replace("\n- {name: all, namespaceSelector: {}}", Rules, StringComparison.Ordinal);
        return PolicyReader.Read(Encoding.UTF8.GetBytes(text)).Policy!;
    }

    private static Pod Pod(string @namespace, string labels) =>
        new() { Uid = "u", Namespace = @namespace, Name = "p", Labels = Labels(labels) };

    private static ImmutableDictionary<string, string> Labels(string labels) =>
        labels.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split('=')).ToImmutableDictionary(l => l[0], l => l[1]);
}
