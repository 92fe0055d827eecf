using System.Collections.Immutable;
using System.CommandLine;
using System.Net;
using HostAgent.Capture;
using HostAgent.Cluster;
using HostAgent.Filters;

namespace HostAgent.Commands;

/// <summary>What says who is mirrored and how, for every command that is about that.</summary>
internal sealed class AgentArguments
{
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
    public AgentArguments(Func<string, string?> environment)
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
                result, environment("NODE_NAME") ?? Dns.GetHostName().Trim().ToLowerInvariant()),
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

    /// <summary>Whose pods, and which of them.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _policy, _clusterFile, _kubeconfig, _nodeName, _filter }) command.Add(option);
    }

    /// <summary>That and what an agent needs that runs.</summary>
    public void AddRunTo(Command command)
    {
        AddTo(command);
        foreach (Option option in new Option[] { _capture, _listen, _standby, _events }) command.Add(option);
        _network.AddTo(command);
    }

    /// <summary>Where the running agent of this node is.</summary>
    public void AddListenTo(Command command) => command.Add(_listen);

    /// <exception cref="UsageException">It says that on no loopback address.</exception>
    public IPEndPoint RunningAgent(ParseResult result) => ListenAddress.Loopback(result.GetValue(_listen))
        ?? throw new UsageException("the agent says its status on loopback only, and --listen (HOSTAGENT_LISTEN) has no such address: "
            + $"name one where it listens, such as {ListenAddress.Default}");

    /// <exception cref="UsageException">Something is missing, or two options contradict each other.</exception>
    public AgentOptions Read(ParseResult result)
    {
        string policy = result.GetValue(_policy)
            ?? throw new UsageException(
                "there is no policy: name its file with --policy FILE or HOSTAGENT_POLICY", AgentCommandLine.BadFile);
        string? clusterFile = result.GetValue(_clusterFile);
        string? kubeconfig = result.GetValue(_kubeconfig);
        if (clusterFile is not null && kubeconfig is not null)
        {
            throw new UsageException(
                "pods come from --cluster-file or from the API server of --kubeconfig, not from both: leave one of them out");
        }

        var options = new AgentOptions(policy, clusterFile, kubeconfig, result.GetValue(_nodeName)!, [])
        {
            Filter = result.GetValue(_filter),
        };
        if (!result.CommandResult.Command.Options.Contains(_listen)) return options;
        ImmutableArray<IPEndPoint> listen = result.GetValue(_listen);
        NetworkOptions? network = _network.Read(result, listen, clusterFile);
        PodName? events = result.GetValue(_events);
        if (events is not null && clusterFile is not null)
        {
            throw new UsageException(
                "--events (HOSTAGENT_EVENTS) writes to the API server, and with --cluster-file there is none: leave one of them out");
        }

        return options with
        {
            Listen = listen,
            Network = network,
            Standby = result.GetValue(_standby),
            Events = events,
            Capture = result.GetValue(_capture),
        };
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
