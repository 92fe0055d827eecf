using System.Text;
using HostAgent.Policy;
using HostAgent.Tests.Deploy;

namespace HostAgent.Tests.Policy;

/// <summary>What docs/policy.md shows can be copied.</summary>
internal sealed class PolicyExamplesTests
{
    private const string Head = """
        apiVersion: hostagent/v1
        kind: MirrorPolicy
        sensor: {address: 127.0.0.1}
        vni: 1

        """;

    private static IEnumerable<TestCaseData> Examples()
    {
        string page = File.ReadAllText(Path.Combine(ManifestTests.Root, "docs", "policy.md"));
        string section = page[page.IndexOf("### Examples\n", StringComparison.Ordinal)..];
        section = section[..section.IndexOf("\n## ", StringComparison.Ordinal)];
        // A sentence that ends with a colon, and the indented lines behind it.
        string[] paragraphs = section.Split("\n\n");
        for (int i = 1; i < paragraphs.Length; i++)
        {
            if (!paragraphs[i].StartsWith("    ", StringComparison.Ordinal)) continue;
            string text = string.Join('\n', paragraphs[i].Split('\n').Select(line => line.Length > 4 ? line[4..] : line));
            yield return new TestCaseData(text).SetName($"The example of policy.md holds: {paragraphs[i - 1].Trim().TrimEnd(':')}");
        }
    }

    [Test]
    public void There_are_the_examples_that_people_look_for() => Assert.That(Examples().Count(), Is.GreaterThanOrEqualTo(5));

    [TestCaseSource(nameof(Examples))]
    public void An_example_is_a_good_policy(string text)
    {
        PolicyResult result = PolicyReader.Read(Encoding.UTF8.GetBytes(Head + text));
        Assert.That(result.Errors.Select(error => error.In("example")), Is.Empty);
        Assert.That(result.Policy!.Rules, Is.Not.Empty);
    }
}
