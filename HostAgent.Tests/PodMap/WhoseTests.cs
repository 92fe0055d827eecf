using System.Net;
using HostAgent.Commands;
using HostAgent.PodMap;

namespace HostAgent.Tests.PodMap;

/// <summary><c>host-agent whose</c>, as it is typed.</summary>
public sealed class WhoseTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 24, 3, 0, 0, TimeSpan.Zero);

    private TemporaryDirectory _directory = null!;

    [SetUp]
    public void WriteHistory()
    {
        _directory = new TemporaryDirectory();
        var web = new AddressOwner(IPAddress.Parse("10.244.1.23"), AddressKind.Pod, "default", "websvr2", "u1", Start)
        {
            Node = "node2",
            NodeIp = IPAddress.Parse("192.0.2.7"),
        };
        AddressOwner ended = web with { Until = Start.AddMinutes(20) };
        new AddressHistory(_directory.Path).Append([web, ended, ended with { Ip = IPAddress.Parse("10.0.0.66"), Name = "\u001b[2Jx" }], []);
    }

    [TearDown]
    public void RemoveDirectory() => _directory.Dispose();

    [TestCase("2026-11-24T03:12:07Z",
        "pod default/websvr2 on node2 (192.0.2.7), from 2026-11-24T03:00:00Z until 2026-11-24T03:20:00Z; uid u1")]
    [TestCase("2026-11-24T04:12:07.5+01:00", "until 2026-11-24T03:20:00Z; uid u1")]
    [TestCase("1795489927.5", "until 2026-11-24T03:20:00Z; uid u1")]
    [TestCase("2026-11-24T03:21:00Z", "until 2026-11-24T03:20:00Z, 60 s before; nobody else has had the address since; uid u1")]
    public async Task An_address_at_a_time_is_a_pods(string at, string words)
    {
        (int code, string output, string error) = await Invoke("10.244.1.23", "--at", at);
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output.TrimEnd(), Does.Contain(words));
    }

    [Test]
    public async Task As_json_it_is_the_line_of_the_history()
    {
        (_, string output, _) = await Invoke("10.244.1.23", "--at", "2026-11-24T03:12:07Z", "--output", "json");
        Assert.That(output.TrimEnd(), Is.EqualTo(File.ReadAllLines(_directory.File("history.ndjson"))[1]));
    }

    [TestCase("10.244.1.23", "2026-11-24T02:00:00Z", "the nearest is pod default/websvr2 on node2 (192.0.2.7), from 2026-11-24T03:00:00Z")]
    [TestCase("10.244.1.23", "2026-11-25T02:00:00Z", "the nearest is pod default/websvr2")]
    [TestCase("10.244.9.9", "2026-11-24T03:12:07Z", "the history does not know the address")]
    public async Task Nobody_is_an_answer_of_its_own(string ip, string at, string words)
    {
        (int code, string output, string error) = await Invoke(ip, "--at", at);
        Assert.That((code, output), Is.EqualTo((WhoseCommand.Unknown, "")));
        Assert.That(error, Does.StartWith($"nobody is known to have had {ip}").And.Contain(words));
    }

    [TestCase("10.244.1", "2026-11-24T03:12:07Z", "'10.244.1' is no unicast IPv4 or IPv6 address")]
    [TestCase("10.244.1.23", "yesterday", "'yesterday' is no time")]
    [TestCase("10.244.1.23", "-5", "'-5' is no time")]
    public async Task Bad_input_is_one_message(string ip, string at, string words)
    {
        (int code, _, string error) = await Invoke(ip, "--at", at);
        Assert.That(code, Is.EqualTo(1));
        Assert.That(error, Does.Contain(words));
    }

    [Test]
    public async Task Without_a_history_it_says_what_to_do()
    {
        (int code, _, string error) = await Invoke("10.244.1.23", "--directory", _directory.File("none"));
        Assert.That(code, Is.EqualTo(1));
        Assert.That(error, Does.Contain("say podMap in the policy"));
    }

    [Test]
    public async Task Control_characters_do_not_reach_the_terminal()
    {
        (_, string output, _) = await Invoke("10.0.0.66", "--at", "2026-11-24T03:12:07Z");
        Assert.That(output, Does.Contain("?[2Jx").And.Not.Contain("\u001b"));
    }

    private async Task<(int Code, string Output, string Error)> Invoke(string ip, params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        string[] where = arguments.Contains("--directory") ? [] : ["--directory", _directory.Path];
        int code = await new AgentCommandLine(_ => null).InvokeAsync(
            ["whose", ip, .. where, .. arguments],
            new CommandHandlers { Whose = (address, at, map, json) => WhoseCommand.Run(address, at, map, json, output, error) },
            output, error, isRoot: false);
        return (code, output.ToString(), error.ToString());
    }
}
