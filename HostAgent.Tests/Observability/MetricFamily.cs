using System.Text.RegularExpressions;

namespace HostAgent.Tests.Observability;

/// <summary>What a page in the text format says of a metric beside its values, and so its row in docs/metrics.md.</summary>
internal sealed partial record MetricFamily(string Name, string Row)
{
    /// <summary>Those of a page, in its order. Labels are those of the first series: all of a metric have the same.</summary>
    public static IEnumerable<MetricFamily> Of(string page)
    {
        string[] lines = page.Split('\n');
        var types = About(lines, "# TYPE ").ToDictionary(about => about.Name, about => about.Text);
        foreach ((string name, string help) in About(lines, "# HELP "))
        {
            string series = lines.FirstOrDefault(line => Regex.IsMatch(line, $"^{name}(_bucket|_sum|_count)?[{{ ]")) ?? "";
            string labels = string.Join(',', Labels().Matches(series).Select(label => label.Groups[1].Value).Where(label => label != "le"));
            yield return new MetricFamily(name, $"| `{name}{(labels == "" ? "" : $"{{{labels}}}")}` | {types[name]} | {help} |");
        }
    }

    private static IEnumerable<(string Name, string Text)> About(string[] lines, string what) =>
        lines.Where(line => line.StartsWith(what, StringComparison.Ordinal)).Select(line => line[what.Length..].Split(' ', 2))
            .Select(parts => (parts[0], parts[1]));

    [GeneratedRegex("[{,](\\w+)=\"(?:[^\"\\\\]|\\\\.)*\"")]
    private static partial Regex Labels();
}
