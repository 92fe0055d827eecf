using System.Collections.Immutable;
using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using HostAgent.Lab;
using HostAgent.PodMap;
using HostAgent.Tests.Deploy;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.PodMap;

/// <summary>Suricata is told of the map that the agent writes. Suricata itself runs in make e2e SURICATA=1.</summary>
internal sealed partial class SuricataPackTests
{
    private const string Pack = "sensors/suricata";

    private static readonly AddressOwner Web = new(
        IPAddress.Parse("10.244.1.23"), AddressKind.Pod, "default", "web", "u1", DateTimeOffset.UnixEpoch)
    {
        Node = "node2",
    };

    private static readonly AddressOwner Api = Web with { Ip = IPAddress.Parse("fd00::7"), Name = "api", Uid = "u2" };

    private TemporaryDirectory _directory = null!;
    private PodMapDirectory _map = null!;

    [SetUp]
    public void MakeDirectory()
    {
        Require.Program("python3");
        _directory = new TemporaryDirectory();
        _map = new PodMapDirectory(_directory.Path);
    }

    [TearDown]
    public void RemoveDirectory() => _directory.Dispose();

    [Test]
    public async Task Suricata_is_told_what_has_changed_and_nothing_else()
    {
        using var suricata = new FakeSuricata(Socket, new() { ["10.244.1.99"] = """{"name": "told by an updater before"}""" });
        await using ChildProcess updater = Updater();
        _map.Write([], [Web, Api]);
        await Told(suricata, "10.244.1.23 web", "fd00::7 api");
        string line = File.ReadAllLines(_directory.File("pods.json"))[0];
        Assert.That(suricata.Set["10.244.1.23"], Is.EqualTo(line), "an alert has all that the map has");

        // The address of one is another's, and one has come.
        _map.Write([], [Web with { Name = "next", Uid = "u3" }, Api, Web with { Ip = IPAddress.Parse("10.244.1.24") }]);
        await Told(suricata, "10.244.1.23 next", "10.244.1.24 web", "fd00::7 api");
        _map.Write([], [Api]);
        await Told(suricata, "fd00::7 api");
        Assert.That(suricata.Commands[0], Is.EqualTo("dataset-clear"));
        Assert.That(suricata.Commands.Skip(1).Order(), Is.EqualTo(new[]
        {
            "dataset-add-json 10.244.1.23", "dataset-add-json 10.244.1.23", "dataset-add-json 10.244.1.24", "dataset-add-json fd00::7",
            "dataset-remove 10.244.1.23", "dataset-remove 10.244.1.23", "dataset-remove 10.244.1.24",
        }));

        updater.Terminate();
        Assert.That((await updater.WaitAsync(TimeSpan.FromSeconds(10)), updater.Errors), Is.EqualTo(((int?)0, "")));
    }

    [Test]
    public async Task A_Suricata_that_was_started_again_is_told_everything_anew()
    {
        _map.Write([], [Web]);
        await using ChildProcess updater = Updater();
        using (var suricata = new FakeSuricata(Socket)) await Told(suricata, "10.244.1.23 web");
        using (var suricata = new FakeSuricata(Socket)) await Told(suricata, "10.244.1.23 web");
        Assert.That(updater.HasExited, Is.False);
    }

    [Test]
    public async Task What_an_alert_is_reading_is_replaced_afterwards()
    {
        _map.Write([], [Web]);
        using var suricata = new FakeSuricata(Socket) { Busy = "10.244.1.23" };
        await using ChildProcess updater = Updater();
        await Told(suricata, "10.244.1.23 web");
        _map.Write([], [Web with { Name = "next" }]);
        await Eventually.ThatAsync(() => suricata.Commands.Count(command => command == "dataset-remove 10.244.1.23") > 1, "a second try");
        await Told(suricata, "10.244.1.23 web");
        suricata.Busy = null;
        await Told(suricata, "10.244.1.23 next");
    }

    [Test]
    public async Task A_pod_with_too_many_labels_for_an_alert_keeps_its_name()
    {
        var labels = Enumerable.Range(0, 20).ToImmutableDictionary(n => $"example.com/label-{n}", _ => new string('x', 63));
        _map.Write([], [Web with { Labels = labels }, Api]);
        using var suricata = new FakeSuricata(Socket);
        await using ChildProcess updater = Updater();
        await Told(suricata, "10.244.1.23 web", "fd00::7 api");
        Assert.That(suricata.Set["10.244.1.23"], Does.Contain("\"labels\":{}"));
    }

    [Test]
    public void The_rules_look_both_pods_up_in_the_set_that_is_told()
    {
        string rules = File.ReadAllText(Path.Combine(ManifestTests.Root, Pack, "host-agent-pods.rules"));
        string[] sets = [.. Dataset().Matches(rules).Select(dataset => dataset.Value)];
        const string Set = "dataset:isset,host-agent-pods, type ip, format ndjson, value_key ip, context_key";
        Assert.That(sets, Is.EqualTo(new[] { $"{Set} src_pod;", $"{Set} dest_pod;", $"{Set} src_pod;", $"{Set} dest_pod;" }));
    }

    private string Socket => _directory.File("socket");

    private ChildProcess Updater() => ChildProcess.Start(new ProcessStartInfo(
        Path.Combine(ManifestTests.Root, Pack, "update-datasets"), [_directory.File("pods.json"), Socket]));

    private static Task Told(FakeSuricata suricata, params string[] pods) => Eventually.ThatAsync(
        () => suricata.Set.Select(pod => $"{pod.Key} {JsonNode.Parse(pod.Value)!["name"]}").Order(StringComparer.Ordinal)
            .SequenceEqual(pods),
        string.Join(", ", pods));

    [GeneratedRegex("dataset:[^;]+;")]
    private static partial Regex Dataset();
}
