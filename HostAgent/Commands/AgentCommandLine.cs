using System.Collections.Immutable;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;
using HostAgent.Capture;
using HostAgent.Cluster;
using HostAgent.Deciding;
using HostAgent.Filters;
using HostAgent.Interop;
using HostAgent.Observability;
using HostAgent.Policy;

namespace HostAgent.Commands;

/// <summary>
/// The command line: <c>run</c>, <c>status</c>, <c>tap</c>, <c>check</c>, <c>whose</c>, <c>replay</c>, <c>demo</c>. Exit codes: 0 done,
/// 1 failed or a wrong command line, 2 a bad policy or cluster file, 3 refused by the agent, or nobody known. An option goes before its
/// environment variable.
/// </summary>
public sealed class AgentCommandLine
{
    public const int BadFile = 2;

    public const int RefusedByAgent = 3;

    // The kubelet's default grace period is far longer; the agent's own promise is to drain and end within 5 s.
    private static readonly TimeSpan Termination = TimeSpan.FromSeconds(5);

    private readonly Func<string, string?> _environment;
    private readonly Option<string?> _policy;
    private readonly Option<string?> _clusterFile;
    private readonly Option<string?> _kubeconfig;
    private readonly Option<string> _nodeName;
    private readonly Option<ImmutableArray<IPEndPoint>> _listen;
    private readonly Option<bool> _standby;
    private readonly Option<PodName?> _events;
    private readonly Option<FrameFilter?> _filter;
    private readonly Option<CaptureBackend> _capture;
    private readonly NetworkArguments _network;

    /// <param name="environment">Reads an environment variable.</param>
    public AgentCommandLine(Func<string, string?> environment)
    {
        _environment = environment;
        _network = new NetworkArguments(Variable);
        _policy = Text("--policy", "HOSTAGENT_POLICY", "FILE", "The policy file: who is mirrored, and to which sensor.");
        _clusterFile = Text("--cluster-file", "HOSTAGENT_CLUSTER_FILE", "FILE",
            "Take pods and namespaces from this file instead of the API server: what 'kubectl get pods,namespaces -A -o yaml' (or json) "
            + "prints, or a list of them written by hand. Read again when it changes.");
        _kubeconfig = Text(
            "--kubeconfig", null, "FILE", "Reach the API server as this kubeconfig says. Without it: as the pod's service account.");
        _nodeName = new Option<string>("--node-name")
        {
            HelpName = "NAME",
            Description = "Only pods of this node count. [env: NODE_NAME; default: the host's name, in lower case]",
            CustomParser = result => OptionText.Node(result, result.Tokens[^1].Value),
            // As the kubelet names its node; Environment.MachineName would end at the first dot. An empty name is refused rather than taken
            // for none: the agent would go by another node's pods, or by nobody's.
            DefaultValueFactory = result => OptionText.Node(
                result, _environment("NODE_NAME") ?? Dns.GetHostName().Trim().ToLowerInvariant()),
        };
        _listen = new Option<ImmutableArray<IPEndPoint>>("--listen")
        {
            HelpName = "ADDR:PORT",
            Description = "Where /metrics, /livez, /readyz and /status are served; several with commas. On loopback in plain HTTP, "
                + $"elsewhere over TLS to accounts that the API server permits. [env: HOSTAGENT_LISTEN; default: {ListenAddress.Default}]",
            CustomParser = result => OptionText.Listen(result, result.Tokens[^1].Value),
            DefaultValueFactory = result => OptionText.Listen(result, Variable("HOSTAGENT_LISTEN") ?? ListenAddress.Default),
        };
        _standby = new Option<bool>("--standby")
        {
            Description = "When another agent runs on this node: get everything ready, wait, and take over as soon as that one ends. "
                + "Without it: end with 1. [env: HOSTAGENT_STANDBY=true]",
            DefaultValueFactory = result => OptionText.Flag(result, "HOSTAGENT_STANDBY", Variable("HOSTAGENT_STANDBY")),
        };
        _events = new Option<PodName?>("--events")
        {
            HelpName = "NAMESPACE/POD",
            Description = "Write Kubernetes Events: of pods that cannot be captured, and of the DaemonSet when the policy is rejected or "
                + "the sensor lost. The value is the agent's own pod. Without it: none. [env: HOSTAGENT_EVENTS]",
            CustomParser = result => OptionText.Pod(result, result.Tokens[^1].Value),
            DefaultValueFactory = result => Variable("HOSTAGENT_EVENTS") is { } pod ? OptionText.Pod(result, pod) : null,
        };
        _capture = new Option<CaptureBackend>("--capture")
        {
            HelpName = "ring|pcap",
            Description = "How: by the kernel's ring, or through libpcap where there is none; "
                + "then super-frames are not cut, and frames between two pods in scope may come twice. "
                + "[env: HOSTAGENT_CAPTURE; default: ring]",
            CustomParser = result => OptionText.Backend(result, result.Tokens[^1].Value),
            DefaultValueFactory = result => OptionText.Backend(result, Variable("HOSTAGENT_CAPTURE") ?? "ring"),
        };
        _filter = new Option<FrameFilter?>("--filter")
        {
            HelpName = "EXPR",
            Description = "Mirror only frames that match this pcap-filter(7) expression, of pods of every rule, "
                + "such as 'tcp port 80 or arp'. Addresses only, no host names. Needs libpcap. [env: HOSTAGENT_FILTER]",
            CustomParser = result => OptionText.Filter(result, result.Tokens[^1].Value),
            DefaultValueFactory = result => Variable("HOSTAGENT_FILTER") is { } expression ? OptionText.Filter(result, expression) : null,
        };
    }

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
        if (handlers.Run is { } run)
        {
            var command = new Command("run", "Run the agent until SIGTERM. Needs root.")
                { _policy, _clusterFile, _kubeconfig, _nodeName, _filter, _capture, _listen, _standby, _events };
            _network.AddTo(command);
            command.SetAction((result, cancellation) => AsRoot(result, "run", isRoot,
                () => WithOptions(result, options => run(options, cancellation))));
            root.Add(command);
        }

        if (handlers.Check is { } check)
        {
            var format = new Option<string>("--output") { Description = "How to print it.", DefaultValueFactory = _ => "table" };
            format.AcceptOnlyFromAmong("table", "json");
            Option<string?> against = Text("--against", null, "OLD",
                "Show what changes compared with this policy file, rule by rule and pod by pod, and estimate its volume (takes 1 s).");
            var command = new Command(
                "check", "Show what would be captured, and why not. Opens no capture. Ends with 2 on a bad policy or cluster file.")
                { _policy, against, _clusterFile, _kubeconfig, _nodeName, _filter, format };
            command.SetAction((result, cancellation) => WithOptions(result, async options =>
            {
                AgentStatus status = await check(options with { Against = result.GetValue(against) }, cancellation)
                    .ConfigureAwait(false);
                await CheckReport.WriteAsync(
                    result.InvocationConfiguration.Output, status, result.GetValue(format) == "json").ConfigureAwait(false);
                return 0;
            }));
            root.Add(command);
        }

        if (handlers.Status is { } show) root.Add(Status(show));
        if (handlers.Tap is { } tap) root.Add(Tap(tap, isRoot));
        if (handlers.Whose is { } whose) root.Add(new WhoseArguments().ToCommand(whose));
        if (handlers.Replay is { } replay) root.Add(Replay(replay, isRoot));
        if (handlers.Demo is { } demo)
        {
            var duration = new Option<TimeSpan>("--duration")
            {
                HelpName = "20s",
                Description = "How long the traffic runs. [default: 20s]",
                CustomParser = result => OptionText.Length(result, result.Tokens[^1].Value),
                DefaultValueFactory = _ => TimeSpan.FromSeconds(20),
            };
            var format = new Option<string>("--output")
            {
                Description = "json: one object as the last line.",
                DefaultValueFactory = _ => "text",
            };
            format.AcceptOnlyFromAmong("text", "json");
            var hold = new Option<bool>("--hold")
            {
                Description = "Go on with the traffic after that, until Ctrl-C, so that one can look at the agent's page.",
            };
            var command = new Command("demo", "Show the agent at work on namespaces made for it, and remove them again. Needs root.")
                { duration, format, hold };
            command.SetAction((result, cancellation) => AsRoot(result, "demo", isRoot,
                () => demo(result.GetValue(duration), result.GetValue(format) == "json", result.GetValue(hold), cancellation)));
            root.Add(command);
        }

        if (handlers.Receive is { } receive) root.Add(new ReceiveArguments().ToCommand(receive));
        return root;
    }

    private Command Status(Func<IPEndPoint, bool, bool, CancellationToken, Task<int>> show)
    {
        var arguments = new StatusArguments();
        var command = new Command(
            "status",
            "Show what the running agent of this node captures, loses and warns of. It is asked at the first loopback address of --listen. "
            + "Ends with 0 when it answers, whatever it says, and with 1 when it does not.")
            { _listen };
        arguments.AddTo(command);
        command.SetAction((result, cancellation) =>
        {
            (bool watch, bool json) = arguments.Read(result);
            return WithAgent(result, agent => show(agent, watch, json, cancellation));
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
            + "Needs root.")
            { _listen };
        arguments.AddTo(command);
        command.SetAction((result, cancellation) => AsRoot(result, "tap", isRoot,
            () => WithAgent(result, agent => tap(agent, arguments.Read(result), cancellation))));
        return command;
    }

    private Command Replay(Func<AgentOptions, ReplayOptions, CancellationToken, Task<int>> replay, bool isRoot)
    {
        var arguments = new ReplayArguments();
        var command = new Command(
            "replay",
            "Send the frames of a capture file to the sensor, as if they were a pod's, and account for them. "
            + "Needs root and libpcap.")
            { _policy, _clusterFile, _kubeconfig, _nodeName, _filter };
        arguments.AddTo(command);
        command.SetAction((result, cancellation) => AsRoot(result, "replay", isRoot,
            () => WithOptions(result, options => replay(options, arguments.Read(result), cancellation))));
        return command;
    }

    private Task<int> WithAgent(ParseResult result, Func<IPEndPoint, Task<int>> work) =>
        ListenAddress.Loopback(result.GetValue(_listen)) is { } agent
            ? work(agent)
            : Fail(result, 1, "the agent says its status on loopback only, and --listen (HOSTAGENT_LISTEN) has no such address: "
                + $"name one where it listens, such as {ListenAddress.Default}");

    private static Task<int> AsRoot(ParseResult result, string command, bool isRoot, Func<Task<int>> work) =>
        isRoot ? work() : Fail(result, 1, $"host-agent {command} needs root, because it opens packet sockets: run it with sudo");

    private Task<int> WithOptions(ParseResult result, Func<AgentOptions, Task<int>> work)
    {
        if (result.GetValue(_policy) is not { } policy)
            return Fail(result, BadFile, "there is no policy: name its file with --policy FILE or HOSTAGENT_POLICY");
        string? clusterFile = result.GetValue(_clusterFile);
        string? kubeconfig = result.GetValue(_kubeconfig);
        if (clusterFile is not null && kubeconfig is not null)
        {
            return Fail(
                result, 1, "pods come from --cluster-file or from the API server of --kubeconfig, not from both: leave one of them out");
        }

        bool runs = result.CommandResult.Command.Options.Contains(_listen);
        ImmutableArray<IPEndPoint> listen = runs ? result.GetValue(_listen) : [];
        string? wrong = null;
        NetworkOptions? network = runs ? _network.Read(result, listen, clusterFile, out wrong) : null;
        if (wrong is not null) return Fail(result, 1, wrong);
        PodName? events = runs ? result.GetValue(_events) : null;
        if (events is not null && clusterFile is not null)
        {
            return Fail(
                result, 1,
                "--events (HOSTAGENT_EVENTS) writes to the API server, and with --cluster-file there is none: leave one of them out");
        }

        return work(new AgentOptions(policy, clusterFile, kubeconfig, result.GetValue(_nodeName)!, listen)
        {
            Network = network,
            Standby = runs && result.GetValue(_standby),
            Events = events,
            Filter = result.GetValue(_filter),
            Capture = runs ? result.GetValue(_capture) : default,
        });
    }

    private static async Task<int> Fail(ParseResult result, int code, string message)
    {
        await result.InvocationConfiguration.Error.WriteLineAsync(message).ConfigureAwait(false);
        return code;
    }

    private Option<string?> Text(string name, string? variable, string helpName, string description) => new(name)
    {
        HelpName = helpName,
        Description = variable is null ? description : $"{description} [env: {variable}]",
        DefaultValueFactory = _ => variable is null ? null : Variable(variable),
    };

    // An empty variable is what a manifest leaves behind for a value it does not set.
    private string? Variable(string name) => _environment(name) is { Length: > 0 } value ? value : null;
}
