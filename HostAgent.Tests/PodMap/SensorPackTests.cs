using System.Diagnostics;
using System.Net;
using System.Text.RegularExpressions;
using HostAgent.Lab;
using HostAgent.PodMap;
using HostAgent.Tests.Deploy;

namespace HostAgent.Tests.PodMap;

/// <summary>What the packs for sensors say of the map's files is what the agent writes. The sensors themselves are not run here.</summary>
public sealed partial class SensorPackTests
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
    public void Suricatas_datasets_are_told_what_has_changed()
    {
        var map = new PodMapDirectory(_directory.Path);
        string suricatasc = _directory.Write("suricatasc", $"#!/bin/sh\nprintf '%s\\n' \"$2\" >> {_directory.File("told")}\n");
        HostTool.Run("chmod", "+x", suricatasc);
        AddressOwner api = Web with { Ip = IPAddress.Parse("fd00::7"), Name = "api" };
        map.Write([], [Web, api]);
        Assert.That(Told(), Is.EquivalentTo(new[] { "host-agent-src", "host-agent-dst" }.SelectMany(set => new[]
        {
            $"dataset-add-json {set} ip 10.244.1.23 {Line(0)}", $"dataset-add-json {set} ip fd00::7 {Line(1)}",
        })));

        string Line(int row) => File.ReadAllLines(_directory.File("pods.json"))[row];

        string[] Told()
        {
            string script = Path.Combine(ManifestTests.Root, "sensors/suricata/update-datasets");
            var start = new ProcessStartInfo(script, [_directory.File("pods.json")]);
            start.Environment["SURICATASC"] = suricatasc;
            start.Environment["INTERVAL"] = "0";
            ProgramRun run = HostTool.RunToEnd(start);
            Assert.That((run.Code, run.Errors), Is.EqualTo(((int?)0, "")));
            return File.ReadAllLines(_directory.File("told"));
        }
    }

    [Test]
    public void Suricatas_rules_name_the_file_and_the_key_that_the_agent_writes()
    {
        string rules = File.ReadAllText(Path.Combine(ManifestTests.Root, "sensors/suricata/host-agent-pods.rules"));
        string[] datasets = [.. Dataset().Matches(rules).Select(dataset => dataset.Value)];
        Assert.That(datasets, Has.Length.EqualTo(4));
        Assert.That(datasets, Is.All.Contains($"load {PodMapDirectory.Usual}/pods.json, format ndjson").And.All.EndsWith("value_key ip;"));
    }

    private static string RecordOf(string script, string name)
    {
        string rest = script[(script.IndexOf($"type {name}: record {{", StringComparison.Ordinal) + name.Length + 15)..];
        return rest[..rest.IndexOf('}')];
    }

    [GeneratedRegex(@"^\s*(?<name>\w+): (?<type>[^;]+);", RegexOptions.Multiline)]
    private static partial Regex Field();

    [GeneratedRegex("dataset:[^;]+;")]
    private static partial Regex Dataset();
}
