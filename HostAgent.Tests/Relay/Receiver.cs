using System.Net;
using System.Text.Json;
using HostAgent.Lab;

namespace HostAgent.Tests.Relay;

/// <summary><c>host-agent receive</c>, the program, on another host than the agent's.</summary>
internal sealed class Receiver : IAsyncDisposable
{
    public const ushort Port = 57012;

    private readonly ChildProcess _process;

    private Receiver(ChildProcess process) => _process = process;

    /// <summary>The last lines of its log.</summary>
    public string Log => _process.Errors;

    /// <param name="node">Whose world it runs in.</param>
    /// <param name="files">Its certificates.</param>
    /// <param name="output">Options that say where the frames go.</param>
    public static async Task<Receiver> StartAsync(NodeNetwork node, RelayFiles files, params string[] output)
    {
        var receiver = new Receiver(ChildProcess.Start(node.World, [
            .. AgentProgram.Command, "receive", "--listen", new IPEndPoint(NodeNetwork.WorldAddress, Port).ToString(), .. files.Options,
            "--output", "json", .. output]));
        await receiver.SaysAsync("Receiving from agents");
        return receiver;
    }

    public Task SaysAsync(string text) => Eventually.ThatAsync(
        () => _process.HasExited || Log.Contains(text, StringComparison.Ordinal), $"the receiver says '{text}'", seconds: 60);

    /// <summary>Ends it.</summary>
    /// <returns>Its sum.</returns>
    public async Task<JsonElement> EndAsync()
    {
        _process.Terminate();
        Assert.That(await _process.WaitAsync(TimeSpan.FromSeconds(30)), Is.Zero, Log);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        using JsonDocument sum = JsonDocument.Parse(await _process.ReadLineAsync(limit.Token));
        return sum.RootElement.Clone();
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
