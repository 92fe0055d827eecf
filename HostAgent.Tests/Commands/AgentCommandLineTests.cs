using System.Collections.Immutable;
using System.Net;
using HostAgent.Capture;
using HostAgent.Commands;
using HostAgent.Deciding;
using HostAgent.Filters;
using HostAgent.Lab;
using HostAgent.Observability;
using HostAgent.Tests.Observability;

namespace HostAgent.Tests.Commands;

public sealed class AgentCommandLineTests
{
    private readonly Dictionary<string, string> _environment = [];
    private readonly List<AgentOptions> _given = [];
    private (TimeSpan Duration, bool Json, bool Hold)? _demo;
    private (string Agent, bool Watch, bool Json)? _status;
    private ReplayOptions? _replay;
    private (string Agent, TapOptions Options)? _tap;

    [SetUp]
    public void Forget()
    {
        _environment.Clear();
        _given.Clear();
        _demo = null;
        _replay = null;
        _tap = null;
    }

    [Test]
    public async Task Options_of_run()
    {
        (int code, _, string error) = await Invoke(
            "run", "--policy", "p.yaml", "--cluster-file", "c.yaml", "--node-name", "n1", "--listen", "10.0.0.1:9000,[::1]:0",
            "--insecure-metrics");
        Assert.That((code, error), Is.EqualTo((0, "")));
        AgentOptions options = _given.Single();
        Assert.That(options with { Listen = [] }, Is.EqualTo(new AgentOptions("p.yaml", "c.yaml", null, "n1", [])
        {
            Network = new NetworkOptions(Insecure: true, null, null),
        }));
        Assert.That(options.Listen, Is.EqualTo(new[] { IPEndPoint.Parse("10.0.0.1:9000"), IPEndPoint.Parse("[::1]:0") }));
    }

    [Test]
    public async Task Environment_stands_in_and_the_command_line_goes_first()
    {
        _environment["HOSTAGENT_POLICY"] = "env.yaml";
        _environment["HOSTAGENT_CLUSTER_FILE"] = "cluster.yaml";
        _environment["NODE_NAME"] = "env-node";
        _environment["HOSTAGENT_LISTEN"] = "[10.0.0.7]:1";
        _environment["HOSTAGENT_INSECURE_METRICS"] = "true";
        await Invoke("run");
        await Invoke("run", "--policy", "mine.yaml", "--node-name", "mine", "--listen", "127.0.0.1:2");
        Assert.That(_given[0] with { Listen = [] }, Is.EqualTo(new AgentOptions("env.yaml", "cluster.yaml", null, "env-node", [])
        {
            Network = new NetworkOptions(Insecure: true, null, null),
        }));
        Assert.That(_given[0].Listen, Is.EqualTo(new[] { IPEndPoint.Parse("10.0.0.7:1") }));
        Assert.That((_given[1].PolicyFile, _given[1].NodeName, _given[1].Listen.Single().Port), Is.EqualTo(("mine.yaml", "mine", 2)));
    }

    [TestCase("--listen 10.0.0.1:1", false, null, null)]
    [TestCase("--listen 127.0.0.1:1,0.0.0.0:2 --insecure-metrics", true, null, null)]
    [TestCase("--listen [::]:1 --tls-certificate c --tls-key k", false, "c", "k")]
    public async Task The_network_gets_TLS_unless_it_is_asked_for_in_words(string options, bool insecure, string? certificate, string? key)
    {
        (int code, _, string error) = await Invoke(["run", "--policy", "p", .. options.Split(' ')]);
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(_given.Single().Network, Is.EqualTo(new NetworkOptions(insecure, certificate, key)));
    }

    [TestCase("--listen 10.0.0.1:1 --cluster-file c", "no API server to say who may look", "--insecure-metrics")]
    [TestCase("--listen 127.0.0.1:1,0.0.0.0:2 --cluster-file c", "--listen 0.0.0.0:2", "listen on loopback only")]
    [TestCase("--tls-certificate c", "--tls-certificate needs its private key", "--tls-key")]
    [TestCase("--tls-key k", "--tls-key needs its certificate", "--tls-certificate")]
    [TestCase("--tls-certificate c --tls-key k --insecure-metrics", "--insecure-metrics is plain HTTP", "leave one of them out")]
    public async Task Metrics_for_everybody_are_refused_in_one_line_with_the_mend(string options, string what, string mend)
    {
        (int code, _, string error) = await Invoke(["run", "--policy", "p", .. options.Split(' ')]);
        Assert.That(code, Is.EqualTo(1));
        Assert.That(error.TrimEnd('\n'), Does.Contain(what).And.Contain(mend).And.Not.Contain('\n'));
        Assert.That(_given, Is.Empty);
    }

    [Test]
    public async Task Defaults()
    {
        _environment["HOSTAGENT_LISTEN"] = "";
        await Invoke("run", "--policy", "p", "--kubeconfig", "k");
        Assert.That(_given.Single().Listen, Is.EqualTo(new[] { IPEndPoint.Parse("127.0.0.1:9460") }));
        Assert.That((_given.Single().ClusterFile, _given.Single().Kubeconfig), Is.EqualTo(((string?)null, "k")));
        Assert.That(_given.Single().NodeName, Is.EqualTo(File.ReadAllText("/proc/sys/kernel/hostname").Trim().ToLowerInvariant()));
    }

    [TestCase("run", "--listen", "9460", "ADDR:PORT")]
    [TestCase("run", "--listen", "::1:9460", "ADDR:PORT")]
    [TestCase("run", "--listen", "127.0.0.1:65536", "ADDR:PORT")]
    [TestCase("run", "--listen", "1:9460", "ADDR:PORT")]
    [TestCase("run", "--listen", "localhost:9460", "ADDR:PORT")]
    [TestCase("run", "--listen", "127.0.0.1:1,10.0.0.1:1,127.0.0.1:1", "'127.0.0.1:1' is given twice")]
    [TestCase("run", "--listen", "[::1]:1,[0::1]:1", "'[::1]:1' is given twice")]
    [TestCase("run", "--listen", "[127.0.0.1]:1,[::ffff:127.0.0.1]:1", "'127.0.0.1:1' is given twice")]
    [TestCase("run", "--listen", "127.0.0.1:1,0.0.0.0:1", "'0.0.0.0:1' is every address of the host, '127.0.0.1:1' among them")]
    [TestCase("run", "--listen", "[::]:1,127.0.0.1:1", "'[::]:1' is every address of the host, '127.0.0.1:1' among them")]
    [TestCase("run", "--node-name", "", "the node's name is empty")]
    [TestCase("check", "--node-name", " ", "the node's name is empty")]
    [TestCase("run", "--polici", "x", "--polici")]
    [TestCase("check", "--output", "xml", "xml")]
    [TestCase("run", "--capture", "tap", "'tap' is no way to capture: it must be ring or pcap")]
    [TestCase("demo", "--duration", "20", "20s")]
    [TestCase("demo", "--duration", "0s", "20s")]
    [TestCase("demo", "--duration", "99999999999999999999s", "20s")]
    public async Task What_is_wrong_is_named_and_nothing_runs(string command, string option, string value, string named)
    {
        (int code, _, string error) = await Invoke(command, option, value);
        Assert.That(code, Is.EqualTo(1));
        Assert.That(error, Does.Contain(named));
        Assert.That(_given, Is.Empty);
        Assert.That(_demo, Is.Null);
    }

    [Test]
    public async Task A_wrong_variable_is_named_too()
    {
        _environment["HOSTAGENT_LISTEN"] = "nowhere";
        (int code, _, string error) = await Invoke("run", "--policy", "p");
        Assert.That(code, Is.EqualTo(1));
        Assert.That(error, Does.Contain("'nowhere' is no listen address"));
    }

    [Test]
    public async Task Options_of_replay()
    {
        Assert.That((await Invoke("replay", "a.pcap", "--policy", "p")).Code, Is.Zero);
        Assert.That(_replay, Is.EqualTo(new ReplayOptions("a.pcap")));
        (int code, _, _) = await Invoke(
            "replay", "a.pcap", "--policy", "p", "--pod", "shop/api", "--speed", "max", "--loop", "3", "--print", "--cluster-file", "c");
        Assert.That(code, Is.Zero);
        Assert.That(_replay,
            Is.EqualTo(new ReplayOptions("a.pcap") { Pod = "shop/api", Speed = double.PositiveInfinity, Loops = 3, Print = true }));
        Assert.That(_given.Select(options => options.ClusterFile), Is.EqualTo(new[] { null, "c" }));
    }

    [TestCase("--speed", "fast", "'fast' is no speed")]
    [TestCase("--pod", "api", "'api' is no pod: write NAMESPACE/NAME")]
    [TestCase("--pod", "a/b/c", "'a/b/c' is no pod")]
    [TestCase("--loop", "0", "'0' is no number of rounds")]
    [TestCase("--filter", "tcp and", "syntax error")]
    public async Task What_is_wrong_for_replay_is_named(string option, string value, string named)
    {
        (int code, _, string error) = await Invoke("replay", "a.pcap", "--policy", "p", option, value);
        Assert.That((code, _replay), Is.EqualTo((1, (ReplayOptions?)null)));
        Assert.That(error, Does.Contain(named));
    }

    [Test]
    public async Task Options_of_tap()
    {
        // That which is for what is mirrored is not for a tap.
        _environment["HOSTAGENT_FILTER"] = "arp";
        Assert.That((await Invoke("tap", "shop/api")).Code, Is.Zero);
        Assert.That(_tap, Is.EqualTo(("127.0.0.1:9460", new TapOptions("shop/api") { Write = "-" })));
        Assert.That((await Invoke("tap", "shop/api", "--print")).Code, Is.Zero);
        Assert.That(_tap!.Value.Options, Is.EqualTo(new TapOptions("shop/api") { Print = true }));
        (int code, _, _) = await Invoke(
            "tap", "shop/api", "--print", "--write", "f", "--count", "7", "--duration", "2m", "--filter", "tcp", "--listen", "[::1]:1");
        Assert.That(code, Is.Zero);
        Assert.That(_tap, Is.EqualTo(("[::1]:1", new TapOptions("shop/api")
        {
            Print = true,
            Write = "f",
            Count = 7,
            Duration = TimeSpan.FromMinutes(2),
            Filter = FrameFilter.Compile("tcp"),
        })));
    }

    [TestCase("'api' is no pod: write NAMESPACE/NAME", "api")]
    [TestCase("'0' is no number of frames", "a/b", "--count", "0")]
    [TestCase("'2' is no duration", "a/b", "--duration", "2")]
    [TestCase("the filter 'tcp and' is not understood: ", "a/b", "--filter", "tcp and")]
    [TestCase("stdout has room for one of them", "a/b", "--print", "--write", "-")]
    [TestCase("loopback only", "a/b", "--listen", "192.0.2.7:9460")]
    public async Task What_is_wrong_for_tap_is_named(string named, params string[] arguments)
    {
        (int code, _, string error) = await Invoke(["tap", .. arguments]);
        Assert.That((code, _tap), Is.EqualTo((1, ((string, TapOptions)?)null)));
        Assert.That(error, Does.Contain(named));
    }

    [TestCase(null, CaptureBackend.Ring)]
    [TestCase("ring", CaptureBackend.Ring)]
    [TestCase("pcap", CaptureBackend.Pcap)]
    public async Task Capture_by_the_environment(string? value, CaptureBackend backend)
    {
        if (value is not null) _environment["HOSTAGENT_CAPTURE"] = value;
        await Invoke("run", "--policy", "p");
        await Invoke("run", "--policy", "p", "--capture", "pcap");
        Assert.That(_given.Select(options => options.Capture), Is.EqualTo(new[] { backend, CaptureBackend.Pcap }));
    }

    [TestCase("run")]
    [TestCase("check")]
    public async Task A_filter_is_compiled_before_anything_runs(string command)
    {
        Assert.That((await Invoke(command, "--policy", "p", "--filter", "tcp port 80 and host 10.0.0.1")).Code, Is.Zero);
        _environment["HOSTAGENT_FILTER"] = "arp";
        Assert.That((await Invoke(command, "--policy", "p")).Code, Is.Zero);
        _environment["HOSTAGENT_FILTER"] = "";
        Assert.That((await Invoke(command, "--policy", "p")).Code, Is.Zero);
        Assert.That(_given.Select(options => options.Filter?.Expression),
            Is.EqualTo(new[] { "tcp port 80 and host 10.0.0.1", "arp", null }));
        (int code, _, string error) = await Invoke(command, "--policy", "p", "--filter", "host zeek");
        Assert.That((code, _given.Count), Is.EqualTo((1, 3)));
        Assert.That(error, Does.Contain("the filter 'host zeek' has the name 'zeek'"));
        _environment["HOSTAGENT_FILTER"] = "tcp and";
        (code, _, error) = await Invoke(command, "--policy", "p");
        Assert.That((code, _given.Count), Is.EqualTo((1, 3)));
        Assert.That(error, Does.Contain("the filter 'tcp and' is not understood: ").And.Contain("syntax error"));
    }

    [TestCase(null, false)]
    [TestCase("", false)]
    [TestCase("false", false)]
    [TestCase("true", true)]
    public async Task Standby_by_the_environment(string? value, bool standby)
    {
        if (value is not null) _environment["HOSTAGENT_STANDBY"] = value;
        await Invoke("run", "--policy", "p");
        await Invoke("run", "--policy", "p", "--standby");
        Assert.That(_given.Select(options => options.Standby), Is.EqualTo(new[] { standby, true }));
    }

    [Test]
    public async Task Standby_is_true_or_false_and_nothing_for_check()
    {
        _environment["HOSTAGENT_STANDBY"] = "yes";
        (int code, _, string error) = await Invoke("run", "--policy", "p");
        Assert.That((code, _given.Count), Is.EqualTo((1, 0)));
        Assert.That(error, Does.Contain("HOSTAGENT_STANDBY is 'yes': it must be true or false"));
        Assert.That((await Invoke("check", "--policy", "p")).Code, Is.Zero);
    }

    [Test]
    public async Task Events_are_written_in_the_name_of_a_pod_and_to_an_API_server()
    {
        await Invoke("run", "--policy", "p");
        _environment["HOSTAGENT_EVENTS"] = "security/host-agent-x7";
        await Invoke("run", "--policy", "p");
        await Invoke("run", "--policy", "p", "--events", "s/mine");
        Assert.That(_given.Select(options => options.Events?.ToString()), Is.EqualTo(new[] { null, "security/host-agent-x7", "s/mine" }));
        (int code, _, string error) = await Invoke("run", "--policy", "p", "--events", "mine");
        Assert.That((code, error.Contains("'mine' is no pod: write NAMESPACE/NAME", StringComparison.Ordinal)), Is.EqualTo((1, true)));
        (code, _, error) = await Invoke("run", "--policy", "p", "--cluster-file", "c");
        Assert.That((code, error.Contains("(HOSTAGENT_EVENTS)", StringComparison.Ordinal)), Is.EqualTo((1, true)));
        Assert.That((await Invoke("check", "--policy", "p", "--cluster-file", "c")).Code, Is.Zero);
    }

    [TestCase("127.0.0.1:1,127.0.0.1:2")]
    [TestCase("0.0.0.0:1,[::1]:1")]
    [TestCase("0.0.0.0:0,127.0.0.1:0")]
    public async Task Addresses_that_do_not_meet_are_taken(string listen)
    {
        (int code, _, string error) = await Invoke("run", "--policy", "p", "--listen", listen);
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(_given.Single().Listen, Has.Length.EqualTo(2));
    }

    [Test]
    public async Task A_node_without_a_name_is_refused_where_the_environment_gives_it_too()
    {
        _environment["NODE_NAME"] = "";
        (int code, _, string error) = await Invoke("check", "--policy", "p");
        Assert.That(code, Is.EqualTo(1));
        Assert.That(error, Does.Contain("the node's name is empty"));
        (code, _, error) = await Invoke("check", "--policy", "p", "--node-name", "n");
        Assert.That((code, error), Is.EqualTo((0, "")), "the command line goes first");
    }

    [Test]
    public async Task No_policy_is_a_bad_policy()
    {
        (int code, _, string error) = await Invoke("check");
        Assert.That(code, Is.EqualTo(2));
        Assert.That(error, Is.EqualTo($"there is no policy: name its file with --policy FILE or HOSTAGENT_POLICY{Environment.NewLine}"));
    }

    [Test]
    public async Task A_file_and_an_API_server_at_once_are_refused()
    {
        (int code, _, string error) = await Invoke("run", "--policy", "p", "--cluster-file", "c", "--kubeconfig", "k");
        Assert.That(code, Is.EqualTo(1));
        Assert.That(error, Does.Contain("--cluster-file").And.Contain("--kubeconfig"));
    }

    [TestCase("run", "--policy", "p")]
    [TestCase("demo")]
    public async Task Without_root_one_line_says_so(params string[] arguments)
    {
        (int code, string output, string error) = await Invoke(root: false, arguments);
        Assert.That((code, output), Is.EqualTo((1, "")));
        Assert.That(error.TrimEnd('\n'), Does.Contain("needs root").And.Not.Contain("\n"));
        Assert.That(_given, Is.Empty);
    }

    [Test]
    public async Task Check_needs_no_root_and_prints_a_plain_table()
    {
        (int code, string output, string error) = await Invoke(root: false, "check", "--policy", "p");
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output, Is.EqualTo(
            """
            NAMESPACE  POD  STATE         RULE      VNI  LINK   FOUND BY  REASON
            a          p    captured      payments  100  veth1  route
            a          q    pending       payments  100  -      -         it has no address yet
            b          h    unsupported   rest      1    -      -         it is on the host's network
            c          n    not-selected  -         -    -      -         no rule selects it

            Node n, policy 0123456789ab: 4 pods, 3 in scope, 1 would be captured.
            Sensor ready (sniff): 10.0.0.9 port 4789 on veth9 (MTU 1500)
            Warning: two pods have one address

            Note: the sensor's link is narrow

            """));
    }

    [Test]
    public async Task Check_as_json_is_one_line()
    {
        (int code, string output, _) = await Invoke("check", "--policy", "p", "--output", "json");
        Assert.That(code, Is.Zero);
        Assert.That(output.TrimEnd('\n'),
            Does.StartWith("{\"node\":\"n\"").And.EndWith("]}").And.Not.Contain("\n").And.Not.Contain("ledger"));
    }

    [Test]
    public async Task Demo_takes_duration_output_and_hold()
    {
        await Invoke("demo");
        Assert.That(_demo, Is.EqualTo((TimeSpan.FromSeconds(20), false, false)));
        await Invoke("demo", "--duration", "1500ms", "--output", "json", "--hold");
        Assert.That(_demo, Is.EqualTo((TimeSpan.FromMilliseconds(1500), true, true)));
    }

    [TestCase("--help", "run")]
    [TestCase("--help", "check")]
    [TestCase("--help", "demo")]
    [TestCase("run --help", "HOSTAGENT_LISTEN")]
    [TestCase("run --help", "NODE_NAME")]
    [TestCase("run --help", "HOSTAGENT_STANDBY")]
    public async Task Help(string arguments, string contains)
    {
        (int code, string output, _) = await Invoke(root: false, arguments.Split(' '));
        Assert.That(code, Is.Zero);
        Assert.That(output, Does.Contain(contains));
    }

    [Test]
    public void The_program_itself_says_its_version() => Assert.That(
        HostTool.Run(AgentProgram.Command[0], [.. AgentProgram.Command[1..], "--version"]).Trim(), Is.EqualTo(BuildInfo.Version));

    [TestCase("status", null, "127.0.0.1:9460", false, false)]
    [TestCase("status --watch --output json", "[192.0.2.7]:9460,127.0.0.1:9461", "127.0.0.1:9461", true, true)]
    [TestCase("status --listen [::1]:9000", "127.0.0.1:9461", "[::1]:9000", false, false)]
    public async Task Status_asks_the_first_loopback_address(string arguments, string? variable, string agent, bool watch, bool json)
    {
        if (variable is not null) _environment["HOSTAGENT_LISTEN"] = variable;
        (int code, _, string error) = await Invoke(root: false, arguments.Split(' '));
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(_status, Is.EqualTo((agent, watch, json)));
    }

    [TestCase("192.0.2.7:9460")]
    [TestCase("0.0.0.0:9460")]
    [TestCase("127.0.0.1:0")]
    public async Task Status_without_a_loopback_address_says_so_in_one_line(string listen)
    {
        (int code, string output, string error) = await Invoke(root: false, "status", "--listen", listen);
        Assert.That((code, output), Is.EqualTo((1, "")));
        Assert.That(error.TrimEnd('\n'), Does.Contain("loopback").And.Contain("--listen").And.Not.Contain('\n'));
    }

    [Test]
    public void Control_characters_do_not_reach_the_terminal()
    {
        AgentStatus hostile = Example.Status with { Warnings = ["\u001b[2Jgone\u009b1m"] };
        Assert.That(CoverageTable.Of(hostile).ToPlainText(), Does.Contain("Warning: ?[2Jgone?1m").And.Not.Contain('\u001b'));
    }

    private Task<(int Code, string Output, string Error)> Invoke(params string[] arguments) => Invoke(root: true, arguments);

    private async Task<(int Code, string Output, string Error)> Invoke(bool root, params string[] arguments)
    {
        var handlers = new CommandHandlers
        {
            Run = (options, _) =>
            {
                _given.Add(options);
                return Task.FromResult(0);
            },
            Check = (options, _) =>
            {
                _given.Add(options);
                return Task.FromResult(Example.Status);
            },
            Status = (agent, watch, json, _) =>
            {
                _status = (agent.ToString(), watch, json);
                return Task.FromResult(0);
            },
            Replay = (options, replay, _) =>
            {
                _given.Add(options);
                _replay = replay;
                return Task.FromResult(0);
            },
            Tap = (agent, options, _) =>
            {
                _tap = (agent.ToString(), options);
                return Task.FromResult(0);
            },
            Demo = (duration, json, hold, _) =>
            {
                _demo = (duration, json, hold);
                return Task.FromResult(0);
            },
        };
        using var output = new StringWriter();
        using var error = new StringWriter();
        int code = await new AgentCommandLine(name => _environment.GetValueOrDefault(name))
            .InvokeAsync(arguments, handlers, output, error, root);
        return (code, output.ToString(), error.ToString());
    }
}
