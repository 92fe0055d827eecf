using System.Net;
using HostAgent.Deciding;

namespace HostAgent.Commands;

/// <summary>What the commands do. A command without a handler is not offered.</summary>
public sealed record CommandHandlers
{
    /// <summary>Runs until cancelled; the exit code.</summary>
    public Func<AgentOptions, CancellationToken, Task<int>>? Run { get; init; }

    /// <summary>What would be captured now, and why not.</summary>
    public Func<AgentOptions, CancellationToken, Task<AgentStatus>>? Check { get; init; }

    /// <summary>
    /// Shows what the agent at an address says; goes on until cancelled if the first flag is true, and as JSON if the second is. The exit
    /// code.
    /// </summary>
    public Func<IPEndPoint, bool, bool, CancellationToken, Task<int>>? Status { get; init; }

    /// <summary>Says whose an address was at a time, from the pod map in a directory, as JSON if the flag is true; the exit code.</summary>
    public Func<IPAddress, DateTimeOffset, string, bool, int>? Whose { get; init; }

    /// <summary>Taps a pod with the leave of the agent at an address, until it ends or is cancelled; the exit code.</summary>
    public Func<IPEndPoint, TapOptions, CancellationToken, Task<int>>? Tap { get; init; }

    /// <summary>Replays a capture file until it ends or is cancelled; the exit code.</summary>
    public Func<AgentOptions, ReplayOptions, CancellationToken, Task<int>>? Replay { get; init; }

    /// <summary>
    /// Runs the demo for a duration; with JSON as its output if the first flag is true, and on until cancelled if the second is. The exit
    /// code.
    /// </summary>
    public Func<TimeSpan, bool, bool, CancellationToken, Task<int>>? Demo { get; init; }

    /// <summary>Receives agents' streams until cancelled; the exit code.</summary>
    public Func<ReceiveOptions, CancellationToken, Task<int>>? Receive { get; init; }
}
