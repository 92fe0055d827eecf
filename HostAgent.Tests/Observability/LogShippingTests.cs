using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using HostAgent.Lab;
using HostAgent.Tests.Deploy;
using HostAgent.Tests.Network;
using HostAgent.Tests.Tunnel;
using Microsoft.Extensions.Logging;
using YamlDotNet.RepresentationModel;

namespace HostAgent.Tests.Observability;

/// <summary>What docs/operations.md gives to collectors of logs fits the lines of the program itself.</summary>
internal sealed partial class LogShippingTests
{
    private static readonly string Document = File.ReadAllText(Path.Combine(ManifestTests.Root, "docs", "operations.md"));

    private JsonElement[] _lines = [];

    [OneTimeSetUp]
    public async Task RunAsync()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork pod = node.AddRouted("pod"), sensor = node.AddRouted("sensor", 9000);
        await using var agent = new AgentOnNode(
            node, AgentFiles.Selected, ["env", "HOSTAGENT_LOG=json"], [("shop", pod), ("security", sensor)]);
        await agent.ReadyAsync(1);
        agent.WritePolicyText("no policy");
        await agent.UntilAsync("the policy is refused", reading => reading.Status.Warnings.Length > 0);
        Assert.That(await agent.EndAsync(), Is.Zero);
        _lines = [.. agent.Log.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.That(_lines.Select(line => line.GetProperty("LogLevel").GetString()), Is.SupersetOf(new[] { "Information", "Error" }));
    }

    [Test]
    public void Each_field_of_a_line_is_documented()
    {
        string[] documented = [.. Field().Matches(Section("Logs")).Select(row => row.Groups[1].Value)];
        string[] present = [.. _lines.SelectMany(line => line.EnumerateObject().Select(field => field.Name)).Distinct()];
        Assert.That(documented, Is.EquivalentTo(present.Append("Exception").Distinct()));
    }

    [Test]
    public void Promtail_finds_time_and_labels_in_every_line()
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(Block("yaml")));
        var stages = ((YamlSequenceNode)stream.Documents.Single().RootNode["pipeline_stages"])
            .Select(stage => ((YamlMappingNode)stage).Children.Single()).ToList();
        Assert.That(stages.Select(stage => stage.Key.ToString()), Is.EqualTo(new[] { "cri", "json", "timestamp", "labels" }));
        var paths = ((YamlMappingNode)stages[1].Value["expressions"])
            .ToDictionary(pair => pair.Key.ToString(), pair => pair.Value.ToString());
        IEnumerable<string> Extracted(string name) => _lines.Select(line => line.GetProperty(paths[name]).GetString()!);

        Assert.That(stages[2].Value["format"].ToString(), Is.EqualTo("RFC3339Nano"));
        foreach (string time in Extracted(stages[2].Value["source"].ToString()))
        {
            Assert.That(DateTimeOffset.TryParseExact(
                time, "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", CultureInfo.InvariantCulture, DateTimeStyles.None, out _), time);
        }

        // Each combination of labels is a stream of its own in Loki: no label may have values of which a pod decides.
        string[] labels = [.. ((YamlMappingNode)stages[3].Value).Select(label => label.Key.ToString())];
        Assert.That(labels, Is.EquivalentTo(new[] { "level", "category" }));
        Assert.That(Extracted("level").Distinct(), Is.SubsetOf(Enum.GetNames<LogLevel>()));
        Assert.That(Extracted("category"), Has.All.Matches(@"^(HostAgent|Microsoft)[A-Za-z.]*$"));
    }

    [Test]
    public void Fluent_Bit_finds_the_time_of_every_line()
    {
        var keys = Block("ini").Split('\n').Select(line => line.Split((char[]?)null, 2, StringSplitOptions.RemoveEmptyEntries))
            .Where(parts => parts.Length == 2).ToDictionary(parts => parts[0], parts => parts[1].Trim());
        Assert.That(keys["Format"], Is.EqualTo("json"));
        // strptime(3), and %L of Fluent Bit's for fractions of a second.
        string format = keys["Time_Format"].Replace("%Y", "yyyy", StringComparison.Ordinal).Replace("%m", "MM", StringComparison.Ordinal)
            .Replace("%d", "dd", StringComparison.Ordinal).Replace("%H", "HH", StringComparison.Ordinal)
            .Replace("%M", "mm", StringComparison.Ordinal).Replace("%S", "ss", StringComparison.Ordinal)
            .Replace("%L", "fff", StringComparison.Ordinal).Replace("T", "'T'", StringComparison.Ordinal)
            .Replace("Z", "'Z'", StringComparison.Ordinal);
        foreach (string time in _lines.Select(line => line.GetProperty(keys["Time_Key"]).GetString()!))
            Assert.That(DateTime.TryParseExact(time, format, CultureInfo.InvariantCulture, DateTimeStyles.None, out _), time);
    }

    private static string Section(string heading) => Document.Split($"\n## {heading}\n")[1].Split("\n## ")[0];

    private static string Block(string language) =>
        Regex.Match(Section("Logs"), $"```{language}\n(.*?)```", RegexOptions.Singleline).Groups[1].Value;

    [GeneratedRegex(@"^\| `(\w+)` \|", RegexOptions.Multiline)]
    private static partial Regex Field();
}
