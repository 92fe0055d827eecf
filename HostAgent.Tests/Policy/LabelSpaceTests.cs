using System.Collections.Immutable;
using HostAgent.Policy;

namespace HostAgent.Tests.Policy;

/// <summary>What one selector says of another, against all objects that can differ for them.</summary>
internal sealed class LabelSpaceTests
{
    private static readonly string[] Keys = ["app", "tier"];
    private static readonly string[] Values = ["a", "b", ""];

    // One value more than selectors name stands for all others; null is a label that is not there.
    private static readonly ImmutableDictionary<string, string>[] Objects =
    [
        .. from app in (string?[])[null, "other", .. Values]
           from tier in (string?[])[null, "other", .. Values]
           select new[] { ("app", app), ("tier", tier) }.Where(label => label.Item2 is not null)
               .ToImmutableDictionary(label => label.Item1, label => label.Item2!),
    ];

    [TestCase(1)]
    [TestCase(2)]
    public void One_implies_the_other_exactly_when_no_object_tells_otherwise(int seed)
    {
        var random = new Random(seed);
        int implied = 0;
        for (int i = 0; i < 50_000; i++)
        {
            LabelSelector one = Selector(random);
            LabelSelector other = Selector(random);
            bool truth = Objects.All(labels => !one.Matches(labels) || other.Matches(labels));
            Assert.That(one.Implies(other), Is.EqualTo(truth), () => $"{Text(one)} implies {Text(other)}");
            implied += truth ? 1 : 0;
        }

        Assert.That(implied, Is.InRange(5_000, 45_000), "both answers are met");
    }

    [TestCase(1)]
    public void A_contradiction_is_found_exactly_when_no_object_matches(int seed)
    {
        var random = new Random(seed);
        int nothing = 0;
        for (int i = 0; i < 20_000; i++)
        {
            LabelSelector selector = Selector(random);
            bool truth = !Objects.Any(selector.Matches);
            Assert.That(new LabelSpace(selector).Contradiction is not null, Is.EqualTo(truth), () => Text(selector));
            nothing += truth ? 1 : 0;
        }

        Assert.That(nothing, Is.InRange(1_000, 19_000), "both answers are met");
    }

    private static LabelSelector Selector(Random random) => new([.. Enumerable.Range(0, random.Next(5)).Select(_ =>
    {
        var @operator = (LabelOperator)random.Next(4);
        bool takes = @operator is LabelOperator.In or LabelOperator.NotIn;
        return new LabelRequirement(Keys[random.Next(Keys.Length)], @operator,
            takes ? [.. random.GetItems(Values, random.Next(1, 4))] : []);
    })]);

    private static string Text(LabelSelector selector) => string.Join(" and ",
        selector.Requirements.Select(one => $"{one.Key} {one.Operator} [{string.Join(',', one.Values.Select(value => $"'{value}'"))}]"));
}
