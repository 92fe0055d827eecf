using System.Text.Json;
using HostAgent.Lab;
using HostAgent.Tests.Network;
using HostAgent.Tests.Tunnel;

namespace HostAgent.Tests.Relay;

/// <summary>A node with two pods and the agent, and in the world outside the receiver that it streams to.</summary>
internal sealed class RelayedNode : IAsyncDisposable
{
    private Receiver? _receiver;
    private AgentOnNode? _agent;

    public RelayedNode() => (Api, Db) = (Node.AddRouted("api"), Node.AddRouted("db"));

    public NodeNetwork Node { get; } = TestNode.Create();

    public PodNetwork Api { get; }

    public PodNetwork Db { get; }

    public RelayFiles Files { get; } = new();

    /// <summary>The sensor part of a policy that permits this stream.</summary>
    public string Sensor => Files.Sensor(NodeNetwork.WorldAddress);

    public AgentOnNode Agent => _agent ?? throw new InvalidOperationException("the agent is not started");

    /// <summary>Starts both.</summary>
    /// <param name="file">Where the receiver writes to.</param>
    /// <param name="sensor">The sensor part of the policy, as YAML in braces.</param>
    public async Task StartAsync(string file, string sensor)
    {
        _receiver = await Receiver.StartAsync(Node, Files, "--to-file", file);
        _agent = new AgentOnNode(Node, sensor, ("shop", Api), ("shop", Db));
    }

    /// <summary>Ends both, the agent first.</summary>
    /// <returns>The receiver's sum.</returns>
    public async Task<JsonElement> EndAsync()
    {
        Assert.That(await Agent.EndAsync(), Is.Zero, Agent.Log);
        await _receiver!.SaysAsync(": ended");
        return await _receiver.EndAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_agent is not null) await _agent.DisposeAsync();
        if (_receiver is not null) await _receiver.DisposeAsync();
        Node.Dispose();
        Files.Dispose();
    }
}
