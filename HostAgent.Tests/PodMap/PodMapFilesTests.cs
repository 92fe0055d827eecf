using System.Collections.Immutable;
using System.Net;
using HostAgent.Lab;
using HostAgent.PodMap;

namespace HostAgent.Tests.PodMap;

/// <summary>The files that sensors read, judged by readers of their documented formats.</summary>
public sealed class PodMapFilesTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 24, 3, 12, 7, 250, TimeSpan.Zero);

    private static readonly AddressOwner Web =
        new(IPAddress.Parse("10.244.1.23"), AddressKind.Pod, "default", "websvr2-58d56cf5-2whrf", "u1", Start)
        {
            Node = "node2",
            NodeIp = IPAddress.Parse("192.0.2.7"),
            Labels = ImmutableDictionary<string, string>.Empty.Add("tier", "front").Add("app.kubernetes.io/name", "websvr2"),
        };

    private static readonly AddressOwner Bare = new(IPAddress.Parse("fd00::9"), AddressKind.Service, "shop", "api", "u2", Start);

    private TemporaryDirectory _directory = null!;

    [SetUp]
    public void MakeDirectory() => _directory = new TemporaryDirectory();

    [TearDown]
    public void RemoveDirectory() => _directory.Dispose();

    [Test]
    public void Zeek_reads_each_field_by_its_name()
    {
        var map = new PodMapDirectory(_directory.Path);
        map.Write([], [Web, Bare]);
        // A reader of the documented format in another language: tabs, names from #fields, "-" and "(empty)", sets by commas.
        string read = HostTool.Run("python3", ["-c", """
            import sys, json
            lines = open(sys.argv[1], encoding='utf-8').read().split('\n')
            assert lines[-1] == '' and lines[0].startswith('#fields\t')
            names = lines[0].split('\t')[1:]
            for line in lines[1:-1]:
                values = line.split('\t')
                assert len(values) == len(names), line
                row = {n: None if v == '-' else v for n, v in zip(names, values)}
                row['labels'] = [] if row['labels'] == '(empty)' else sorted(row['labels'].split(','))
                row['since'] = float(row['since'])
                print(json.dumps(row))
            """, _directory.File("pods.tsv")]);
        string[] rows = read.TrimEnd().Split('\n');
        Assert.That(rows[0], Is.EqualTo(
            """{"ip": "10.244.1.23", "ns": "default", "name": "websvr2-58d56cf5-2whrf", "node": "node2", "node_ip": "192.0.2.7","""
            + """ "uid": "u1", "since": 1795489927.25, "labels": ["app.kubernetes.io/name=websvr2", "tier=front"], "kind": "pod"}"""));
        Assert.That(rows[1], Is.EqualTo(
            """{"ip": "fd00::9", "ns": "shop", "name": "api", "node": null, "node_ip": null, "uid": "u2", "since": 1795489927.25,"""
            + """ "labels": [], "kind": "service"}"""));
    }

    [Test]
    public void Json_has_a_line_for_each_address_with_the_fields_of_the_table()
    {
        new PodMapDirectory(_directory.Path).Write([], [Web, Bare]);
        string read = HostTool.Run("python3", ["-c", """
            import sys, json
            for line in open(sys.argv[1], encoding='utf-8'):
                row = json.loads(line)
                print(row['ip'], row['ns'], row['name'], row.get('node'), row.get('node_ip'), row['uid'], row['since'], row['labels'],
                    row['kind'])
            """, _directory.File("pods.json")]);
        Assert.That(read.TrimEnd().Split('\n'), Is.EqualTo(new[]
        {
            "10.244.1.23 default websvr2-58d56cf5-2whrf node2 192.0.2.7 u1 2026-11-24T03:12:07.25+00:00 "
                + "{'app.kubernetes.io/name': 'websvr2', 'tier': 'front'} pod",
            "fd00::9 shop api None None u2 2026-11-24T03:12:07.25+00:00 {} service",
        }));
    }

    [Test]
    public void Arkime_gets_a_value_for_each_shortcut()
    {
        new PodMapDirectory(_directory.Path).Write([], [Web, Bare]);
        string[] lines = File.ReadAllLines(_directory.File("arkime.tagger"));
        Assert.That(lines.Where(line => line.StartsWith("#field:", StringComparison.Ordinal))
            .Select(line => line.Split(';')[^1]), Is.EqualTo(Enumerable.Range(0, 5).Select(i => $"shortcut:{i}")));
        Assert.That(lines.Where(line => line[0] != '#'), Is.EqualTo(new[]
        {
            "10.244.1.23;0=default;1=websvr2-58d56cf5-2whrf;2=node2;3=pod;4=app.kubernetes.io/name=websvr2;4=tier=front",
            "fd00::9;0=shop;1=api;3=service",
        }));
    }

    [Test]
    public void A_file_is_another_inode_when_it_has_changed_and_the_same_when_it_has_not()
    {
        var map = new PodMapDirectory(_directory.Path);
        map.Write([], [Web]);
        string first = Inode();
        map.Write([], [Web]);
        Assert.That(Inode(), Is.EqualTo(first));
        map.Write([], [Web, Bare]);
        Assert.That(Inode(), Is.Not.EqualTo(first));
        Assert.That(HostTool.Run("stat", ["-c", "%a", _directory.File("pods.tsv")]).Trim(), Is.EqualTo("644"));
        File.Delete(_directory.File("pods.tsv"));
        map.Write([], [Web, Bare]);
        Assert.That(File.Exists(_directory.File("pods.tsv")), "what somebody has deleted is there again");
        Assert.That(
            Directory.GetFiles(_directory.Path).Select(Path.GetFileName),
            Is.EquivalentTo(new[] { "pods.tsv", "pods.json", "arkime.tagger" }));

        string Inode() => HostTool.Run("stat", ["-c", "%i %y", _directory.File("pods.tsv")]);
    }

    [Test]
    public void A_name_that_no_cluster_allows_does_not_tear_a_row()
    {
        AddressOwner hostile = Bare with { Name = "a\tb\nc,d;e" };
        new PodMapDirectory(_directory.Path).Write([], [hostile]);
        Assert.That(File.ReadAllLines(_directory.File("pods.tsv"))[1].Split('\t'), Has.Length.EqualTo(9));
        Assert.That(File.ReadAllLines(_directory.File("arkime.tagger"))[^1], Is.EqualTo("fd00::9;0=shop;1=a\tb_c,d_e;3=service"));
        Assert.That(File.ReadAllLines(_directory.File("pods.json")), Has.Length.EqualTo(1));
    }

    [Test]
    public void The_history_says_whose_an_address_was()
    {
        var history = new AddressHistory(_directory.Path);
        history.Append([Web], [Web]);
        AddressOwner ended = Web with { Until = Start.AddMinutes(10) };
        AddressOwner next = Web with { Name = "api", Uid = "u3", Since = Start.AddMinutes(30) };
        history.Append([ended, next], [next]);
        // What a crash leaves of a line does no harm.
        File.AppendAllText(_directory.File("history.ndjson"), """{"ip":"10.244""");
        AddressOwner[] owners = [.. new AddressHistory(_directory.Path).Owners()];
        string? At(double minutes) => WhoseCommand.At(owners, Start.AddMinutes(minutes))?.Name;
        Assert.That(
            new[] { At(-1), At(0), At(9.9), At(10), At(14.9), At(15), At(29), At(30), At(9000) },
            Is.EqualTo(new[] { null, Web.Name, Web.Name, Web.Name, Web.Name, null, null, "api", "api" }));
    }

    [Test]
    public void The_history_is_bounded_and_each_file_tells_who_had_an_address_when_it_began()
    {
        var history = new AddressHistory(_directory.Path, fileBytes: 2000, files: 3);
        history.Append([Bare], [Bare]);
        for (int i = 0; i < 100; i++)
        {
            AddressOwner owner = Web with { Uid = $"u-{i}", Since = Start.AddSeconds(i) };
            history.Append([owner], [Bare, owner]);
            history.Append([owner with { Until = Start.AddSeconds(i + 1) }], [Bare]);
        }

        string[] files = Directory.GetFiles(_directory.Path);
        Assert.That(files.Select(Path.GetFileName), Is.EquivalentTo(new[] { "history.ndjson", "history.1.ndjson", "history.2.ndjson" }));
        Assert.That(files.Select(file => new FileInfo(file).Length), Is.All.LessThan(3000));
        AddressOwner[] owners = [.. history.Owners()];
        Assert.That(owners.Single(owner => owner.Ip.Equals(Bare.Ip)).Uid, Is.EqualTo("u2"), "it began before any file that is left");
        Assert.That(WhoseCommand.At(owners.Where(o => o.Ip.Equals(Web.Ip)), Start.AddSeconds(98.5))?.Uid, Is.EqualTo("u-98"));
    }
}
