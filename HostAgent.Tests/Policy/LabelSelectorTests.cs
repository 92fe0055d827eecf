using System.Collections.Immutable;
using System.Text;
using HostAgent.Policy;

namespace HostAgent.Tests.Policy;

/// <summary>The truth table of meta/v1 LabelSelector, read from policies as operators write them.</summary>
internal sealed class LabelSelectorTests
{
    [TestCase("{}", "", true)]
    [TestCase("{}", "app=api", true)]
    [TestCase("{matchLabels: {app: api}}", "app=api", true)]
    [TestCase("{matchLabels: {app: api}}", "app=db", false)]
    [TestCase("{matchLabels: {app: api}}", "", false)]
    [TestCase("{matchLabels: {app: api}}", "App=api", false)]
    [TestCase("{matchLabels: {app: \"\"}}", "app=", true)]
    [TestCase("{matchLabels: {app: \"\"}}", "", false)]
    [TestCase("{matchLabels: {app: api, tier: \"1\"}}", "app=api", false)]
    [TestCase("{matchLabels: {app: api, tier: \"1\"}}", "app=api,tier=1", true)]
    [TestCase("{matchLabels: {a.b/c: x}}", "a.b/c=x", true)]
    [TestCase("{matchExpressions: [{key: app, operator: In, values: [api, db]}]}", "app=db", true)]
    [TestCase("{matchExpressions: [{key: app, operator: In, values: [api, db]}]}", "app=web", false)]
    [TestCase("{matchExpressions: [{key: app, operator: In, values: [api, db]}]}", "", false)]
    [TestCase("{matchExpressions: [{key: app, operator: NotIn, values: [api]}]}", "app=api", false)]
    [TestCase("{matchExpressions: [{key: app, operator: NotIn, values: [api]}]}", "app=db", true)]
    [TestCase("{matchExpressions: [{key: app, operator: NotIn, values: [api]}]}", "", true)]
    [TestCase("{matchExpressions: [{key: app, operator: Exists}]}", "app=", true)]
    [TestCase("{matchExpressions: [{key: app, operator: Exists, values: []}]}", "", false)]
    [TestCase("{matchExpressions: [{key: app, operator: DoesNotExist}]}", "app=x", false)]
    [TestCase("{matchExpressions: [{key: app, operator: DoesNotExist}]}", "web=x", true)]
    [TestCase("{matchLabels: {app: api}, matchExpressions: [{key: tier, operator: Exists}]}", "app=api", false)]
    [TestCase("{matchLabels: {app: api}, matchExpressions: [{key: tier, operator: Exists}]}", "app=api,tier=x", true)]
    [TestCase("{matchExpressions: [{key: app, operator: Exists}, {key: app, operator: NotIn, values: [api]}]}", "app=api", false)]
    public void It_selects_as_kubernetes_does(string selector, string labels, bool selected)
    {
        string text = PolicyText.With(rule: $"{{name: r, namespaceSelector: {selector}}}");
        LabelSelector read = PolicyReader.Read(Encoding.UTF8.GetBytes(text)).Policy!.Rules.Single().NamespaceSelector;
        var given = labels.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split('='))
            .ToImmutableDictionary(l => l[0], l => l[1]);
        Assert.That(read.Matches(given), Is.EqualTo(selected));
    }

    [TestCase("app", true)]
    [TestCase("a", true)]
    [TestCase("A_b.c-9", true)]
    [TestCase("example.com/app", true)]
    [TestCase("example.com/", false)]
    [TestCase("/app", false)]
    [TestCase("Example.com/app", false)]
    [TestCase("a/b/c", false)]
    [TestCase("app-", false)]
    [TestCase("app\n", false)]
    [TestCase("äpp", false)]
    [TestCase("", false)]
    public void Label_keys_are_those_that_kubernetes_accepts(string key, bool accepted) =>
        Assert.That(LabelSyntax.IsKey(key), Is.EqualTo(accepted));

    [Test]
    public void Names_have_63_characters_and_prefixes_253()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(LabelSyntax.IsKey(new string('a', 63)), Is.True);
            Assert.That(LabelSyntax.IsKey(new string('a', 64)), Is.False);
            Assert.That(LabelSyntax.IsKey(new string('a', 253) + "/a"), Is.True);
            Assert.That(LabelSyntax.IsKey(new string('a', 254) + "/a"), Is.False);
            Assert.That(LabelSyntax.IsValue(new string('a', 63)), Is.True);
            Assert.That(LabelSyntax.IsValue(new string('a', 64)), Is.False);
            Assert.That(LabelSyntax.IsValue(""), Is.True);
        }
    }
}
