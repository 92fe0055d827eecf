using System.Net;
using System.Net.Sockets;
using HostAgent.Interop;
using HostAgent.Relay;
using HostAgent.Tunnel;

namespace HostAgent.Tests.Relay;

/// <summary>How many agents a receiver takes, and what it does when it cannot write for one. Inside this process, on loopback.</summary>
[TestFixture]
[Parallelizable]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class AgentListenerTests
{
    private const int Most = 256;

    private readonly RelayFiles _files = new();
    private readonly AccountBook _book = new();
    private readonly LogLines<AgentListener> _log = new();
    private readonly CancellationTokenSource _end = new();
    private Func<AgentAccount, IFrameOutput> _open = _ => new Nowhere();
    private Task _running = Task.CompletedTask;
    private IPEndPoint _address = null!;

    [SetUp]
    public async Task Listen()
    {
        var files = new TlsFiles(_files.File("receiver/ca.crt"), _files.File("receiver/tls.crt"), _files.File("receiver/tls.key"));
        var listener = new AgentListener(files, _book, account => _open(account), _log);
        _running = listener.RunAsync(new IPEndPoint(IPAddress.Loopback, 0), _end.Token);
        const string Beginning = "Receiving from agents at ";
        await SaysAsync(Beginning);
        _address = IPEndPoint.Parse(_log.All.First().Text[Beginning.Length..]);
    }

    [TearDown]
    public async Task End()
    {
        await _end.CancelAsync();
        await _running;
        _end.Dispose();
        _files.Dispose();
    }

    [Test]
    public async Task One_agent_too_many_is_told_so_and_the_others_are_unhurt()
    {
        // Who does not say who he is takes no agent's place.
        Socket[] strangers = [.. Enumerable.Range(0, 100).Select(_ => new Socket(SocketType.Stream, ProtocolType.Tcp))];
        foreach (Socket stranger in strangers) await stranger.ConnectAsync(_address);
        var agents = new List<(Guid Stream, HandMadeAgent Agent)>();
        for (int i = 0; i < Most; i++) agents.Add((Guid.NewGuid(), await AcceptedAsync()));

        await using (HandMadeAgent surplus = await HandMadeAgent.GreetAsync(_address, _files))
        {
            Assert.That(surplus.Refusal, Is.EqualTo("it has 256 agents already"));
            await surplus.IsEndedAsync();
        }

        await SaysAsync("is refused: it has 256 agents already");
        foreach ((Guid stream, HandMadeAgent agent) in agents) await agent.SayAsync(HandMadeAgent.Section(stream, 0, records: 3));
        await agents[0].Agent.EndAsync();
        await SaysAsync(": ended");
        agents.Add((Guid.NewGuid(), await AcceptedAsync()));
        await agents[^1].Agent.SayAsync(HandMadeAgent.Section(agents[^1].Stream, 0, records: 3));
        foreach ((Guid stream, HandMadeAgent agent) in agents.Skip(1))
        {
            await agent.SayAsync(HandMadeAgent.Section(stream, 3, records: 0));
            await agent.EndAsync();
            await agent.DisposeAsync();
        }

        foreach (Socket stranger in strangers) stranger.Dispose();
        IReadOnlyList<AgentSum> sums = _book.Read();
        Assert.That(sums.Select(sum => (sum.Received, sum.Missing, sum.Malformed)), Is.All.EqualTo((3L, 0L, 0)));
        Assert.That((sums.Count, sums.Count(sum => sum.IsWhole)), Is.EqualTo((Most + 1, Most)));
        Assert.That(_log.All.Count(line => line.Text.Contains("256 agents", StringComparison.Ordinal)), Is.EqualTo(1));
    }

    [Test]
    public async Task An_agent_whose_frames_cannot_be_written_is_let_go_and_may_come_back()
    {
        var stream = Guid.NewGuid();
        _open = _ => throw new ErrnoException("bind", "tap0", errno: 19);
        for (int i = 0; i < 2; i++)
        {
            await using HandMadeAgent agent = await AcceptedAsync();
            await agent.SayAsync(HandMadeAgent.Section(stream, 0, records: 3));
            await agent.IsEndedAsync();
        }

        _open = _ => new Nowhere();
        await using HandMadeAgent back = await AcceptedAsync();
        await back.SayAsync(HandMadeAgent.Section(stream, 3, records: 2));
        await back.SayAsync(HandMadeAgent.Section(stream, 5, records: 0));
        await back.EndAsync();
        AgentSum sum = _book.Read().Single();
        Assert.That((sum.Received, sum.Missing, sum.IsConnected), Is.EqualTo((2L, 3L, false)));
    }

    private async Task<HandMadeAgent> AcceptedAsync()
    {
        HandMadeAgent agent = await HandMadeAgent.GreetAsync(_address, _files);
        Assert.That(agent.Refusal, Is.Null);
        return agent;
    }

    private Task SaysAsync(string text) => Eventually.ThatAsync(
        () => _running.IsFaulted || _log.All.Any(line => line.Text.Contains(text, StringComparison.Ordinal)),
        $"the receiver says '{text}'");

    private sealed class Nowhere : IFrameOutput
    {
        public int Introduce(string name, string description) => 0;

        public void Write(int link, in ReceivedRecord record)
        {
        }

        public void Flush()
        {
        }

        public void Dispose()
        {
        }
    }
}
