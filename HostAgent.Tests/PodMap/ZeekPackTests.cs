using System.Net;
using System.Text.RegularExpressions;
using HostAgent.PodMap;
using HostAgent.Tests.Deploy;

namespace HostAgent.Tests.PodMap;

/// <summary>What the pack for Zeek says of the map's file is what the agent writes. Zeek itself is not run here.</summary>
public sealed partial class ZeekPackTests
{
    private static readonly AddressOwner Web = new(
        IPAddress.Parse("10.244.1.23"), AddressKind.Pod, "default", "web", "u1", DateTimeOffset.UnixEpoch)
    {
        Node = "node2",
    };

    private TemporaryDirectory _directory = null!;

    [SetUp]
    public void MakeDirectory() => _directory = new TemporaryDirectory();

    [TearDown]
    public void RemoveDirectory() => _directory.Dispose();

    [Test]
    public void Zeeks_script_reads_the_columns_that_the_agent_writes_and_knows_which_may_be_unset()
    {
        string script = File.ReadAllText(Path.Combine(ManifestTests.Root, "sensors/zeek/scripts/main.zeek"));
        Dictionary<string, string> fields = new[] { "Index", "Row" }.SelectMany(record => Field().Matches(RecordOf(script, record)))
            .ToDictionary(field => field.Groups["name"].Value, field => field.Groups["type"].Value.Trim());
        new PodMapDirectory(_directory.Path).Write([], [Web with { Node = "" }]);
        string[] lines = File.ReadAllLines(_directory.File("pods.tsv"));
        string[] columns = lines[0].Split('\t')[1..];
        Assert.That(fields.Keys, Is.EquivalentTo(columns));
        IEnumerable<string> unset = columns.Zip(lines[1].Split('\t'))
            .Where(cell => cell.Second == "-").Select(cell => cell.First);
        Assert.That(fields.Where(field => field.Value.EndsWith("&optional", StringComparison.Ordinal)).Select(field => field.Key),
            Is.EquivalentTo(unset));
        Assert.That(fields["since"], Is.EqualTo("time"));
        Assert.That(fields["labels"], Is.EqualTo("set[string]"));
    }

    [Test]
    public void The_names_in_conn_log_are_those_of_the_talk()
    {
        string script = File.ReadAllText(Path.Combine(ManifestTests.Root, "sensors/zeek/scripts/main.zeek"));
        Assert.That(Field().Matches(RecordOf(script, "Pod")).Select(field => field.Groups["name"].Value).Take(4),
            Is.EqualTo(new[] { "ns", "name", "node", "node_ip" }));
        Assert.That(script, Does.Contain("orig_pod: Pod &log &optional").And.Contain("resp_pod: Pod &log &optional"));
    }

    [Test]
    public void The_map_for_the_trace_of_a_Log4j_attack_has_the_columns_that_the_agent_writes()
    {
        new PodMapDirectory(_directory.Path).Write([], [Web]);
        string[] lines = File.ReadAllLines(Path.Combine(ManifestTests.Root, "sensors/zeek/log4j-trace.tsv"));
        Assert.That(lines[0], Is.EqualTo(File.ReadLines(_directory.File("pods.tsv")).First()));
        Assert.That(lines[1..].Select(line => line.Split('\t').Length), Is.All.EqualTo(lines[0].Split('\t').Length - 1));
    }

    private static string RecordOf(string script, string name)
    {
        string rest = script[(script.IndexOf($"type {name}: record {{", StringComparison.Ordinal) + name.Length + 15)..];
        return rest[..rest.IndexOf('}')];
    }

    [GeneratedRegex(@"^\s*(?<name>\w+): (?<type>[^;]+);", RegexOptions.Multiline)]
    private static partial Regex Field();
}
