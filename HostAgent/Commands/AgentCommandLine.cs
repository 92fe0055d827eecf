using System.CommandLine;
using System.Net;
using HostAgent.Cluster;
using HostAgent.Deciding;
using HostAgent.Interop;
using HostAgent.Observability;
using HostAgent.Policy;

namespace HostAgent.Commands;

/// <summary>
/// The command line: <c>run</c>, <c>status</c>, <c>tap</c>, <c>check</c>, <c>whose</c>, <c>replay</c>, <c>demo</c>, <c>receive</c>. Exit
/// codes: 0 done, 1 failed or a wrong command line, 2 a bad policy or cluster file, 3 refused by the agent, or nobody known. An option
/// goes before its environment variable.
/// </summary>
public sealed class AgentCommandLine
{
    public const int BadFile = 2;

    public const int RefusedByAgent = 3;

    // The kubelet's default grace period is far longer; the agent's own promise is to drain and end within 5 s.
    private static readonly TimeSpan Termination = TimeSpan.FromSeconds(5);

    private readonly AgentArguments _agent;

    /// <param name="environment">Reads an environment variable.</param>
    public AgentCommandLine(Func<string, string?> environment) => _agent = new AgentArguments(environment);

    /// <returns>The exit code.</returns>
    public async Task<int> InvokeAsync(
        IReadOnlyList<string> arguments, CommandHandlers handlers, TextWriter output, TextWriter error, bool isRoot)
    {
        ParseResult parsed = Build(handlers, isRoot).Parse(arguments);
        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                Output = output,
                Error = error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = Termination,
            }).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return 0;
        }
        catch (UsageException e)
        {
            await error.WriteLineAsync(e.Message).ConfigureAwait(false);
            return e.ExitCode;
        }
        catch (Exception e) when (e is PolicyException or ClusterFileException)
        {
            await error.WriteLineAsync(e.Message).ConfigureAwait(false);
            return BadFile;
        }
        catch (ErrnoException e) when (e.Errno == Errno.EPERM)
        {
            await error.WriteLineAsync(
                $"{e.Message}: the agent needs root, or in a container the capability NET_RAW").ConfigureAwait(false);
            return 1;
        }
        catch (Exception e) when (e is IOException or TimeoutException or UnauthorizedAccessException)
        {
            await error.WriteLineAsync(e.Message).ConfigureAwait(false);
            return 1;
        }
    }

    private RootCommand Build(CommandHandlers handlers, bool isRoot)
    {
        var root = new RootCommand("Mirrors the traffic of chosen pods of this Kubernetes node, in VXLAN, to a sensor on the same host.");
        if (handlers.Run is { } run) root.Add(Run(run, isRoot));
        if (handlers.Check is { } check) root.Add(Check(check));
        if (handlers.Status is { } show) root.Add(Status(show));
        if (handlers.Tap is { } tap) root.Add(Tap(tap, isRoot));
        if (handlers.Whose is { } whose) root.Add(new WhoseArguments().ToCommand(whose));
        if (handlers.Replay is { } replay) root.Add(Replay(replay, isRoot));
        if (handlers.Demo is { } demo) root.Add(Demo(demo, isRoot));
        if (handlers.Receive is { } receive) root.Add(new ReceiveArguments().ToCommand(receive));
        return root;
    }

    private Command Run(Func<AgentOptions, CancellationToken, Task<int>> run, bool isRoot)
    {
        var command = new Command("run", "Run the agent until SIGTERM. Needs root.");
        _agent.AddRunTo(command);
        command.SetAction((result, cancellation) =>
        {
            NeedRoot("run", isRoot);
            return run(_agent.Read(result), cancellation);
        });
        return command;
    }

    private Command Check(Func<AgentOptions, CancellationToken, Task<AgentStatus>> check)
    {
        var arguments = new CheckArguments();
        var command = new Command(
            "check", "Show what would be captured, and why not. Opens no capture. Ends with 2 on a bad policy or cluster file.");
        _agent.AddTo(command);
        arguments.AddTo(command);
        command.SetAction(async (result, cancellation) =>
        {
            (string? against, bool json) = arguments.Read(result);
            AgentStatus status = await check(_agent.Read(result) with { Against = against }, cancellation).ConfigureAwait(false);
            await CheckReport.WriteAsync(result.InvocationConfiguration.Output, status, json).ConfigureAwait(false);
            return 0;
        });
        return command;
    }

    private Command Status(Func<IPEndPoint, bool, bool, CancellationToken, Task<int>> show)
    {
        var arguments = new StatusArguments();
        var command = new Command(
            "status",
            "Show what the running agent of this node captures, loses and warns of. It is asked at the first loopback address of --listen. "
            + "Ends with 0 when it answers, whatever it says, and with 1 when it does not.");
        _agent.AddListenTo(command);
        arguments.AddTo(command);
        command.SetAction((result, cancellation) =>
        {
            (bool watch, bool json) = arguments.Read(result);
            return show(_agent.RunningAgent(result), watch, json, cancellation);
        });
        return command;
    }

    private Command Tap(Func<IPEndPoint, TapOptions, CancellationToken, Task<int>> tap, bool isRoot)
    {
        var arguments = new TapArguments();
        var command = new Command(
            "tap",
            "Capture one pod of this node, live, as pcapng on stdout or as lines for people, beside what is mirrored. The running agent is "
            + "asked for leave, at the first loopback address of --listen, and has each use in its log. Ends with 3 when it refuses. "
            + "Needs root.");
        _agent.AddListenTo(command);
        arguments.AddTo(command);
        command.SetAction((result, cancellation) =>
        {
            NeedRoot("tap", isRoot);
            return tap(_agent.RunningAgent(result), arguments.Read(result), cancellation);
        });
        return command;
    }

    private Command Replay(Func<AgentOptions, ReplayOptions, CancellationToken, Task<int>> replay, bool isRoot)
    {
        var arguments = new ReplayArguments();
        var command = new Command(
            "replay",
            "Send the frames of a capture file to the sensor, as if they were a pod's, and account for them. "
            + "Needs root and libpcap.");
        _agent.AddTo(command);
        arguments.AddTo(command);
        command.SetAction((result, cancellation) =>
        {
            NeedRoot("replay", isRoot);
            return replay(_agent.Read(result), arguments.Read(result), cancellation);
        });
        return command;
    }

    private static Command Demo(Func<TimeSpan, bool, bool, CancellationToken, Task<int>> demo, bool isRoot)
    {
        var arguments = new DemoArguments();
        var command = new Command("demo", "Show the agent at work on namespaces made for it, and remove them again. Needs root.");
        arguments.AddTo(command);
        command.SetAction((result, cancellation) =>
        {
            NeedRoot("demo", isRoot);
            (TimeSpan duration, bool json, bool hold) = arguments.Read(result);
            return demo(duration, json, hold, cancellation);
        });
        return command;
    }

    private static void NeedRoot(string command, bool isRoot)
    {
        if (!isRoot) throw new UsageException($"host-agent {command} needs root, because it opens packet sockets: run it with sudo");
    }
}
