using System.Diagnostics;
using HostAgent.Lab;

namespace HostAgent.Tests.Deploy;

/// <summary>The plugin as a shell runs it, with a kubectl that writes down what it is asked.</summary>
public sealed class KubectlPluginTests
{
    private const string Kubectl = """
        #!/bin/sh
        { printf '<%s>' "$@"; echo; } >>"$RECORD"
        case "$*" in
            *"get pod "*) [ "$NODE" != none ] || { echo 'Error from server (NotFound)' >&2; exit 1; }; printf '%s' "$NODE" ;;
            *"get pods "*) printf '%s' "$AGENTS" ;;
            *"config view"*) printf here ;;
            *" exec "*|"exec "*) printf '%s' "$CAPTURE"; exit "$CODE" ;;
        esac

        """;

    private static readonly string Plugin = Path.Combine(ManifestTests.Root, "deploy", "kubectl", "kubectl-hostagent_tap");

    private readonly Dictionary<string, string> _cluster = [];
    private TemporaryDirectory _folder = null!;

    [SetUp]
    public void Make()
    {
        _folder = new TemporaryDirectory();
        string kubectl = _folder.Write("kubectl", Kubectl);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(kubectl, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        _cluster["NODE"] = "node-1";
        _cluster["AGENTS"] = "old False\nnew True\n";
        _cluster["CAPTURE"] = "capture";
        _cluster["CODE"] = "0";
    }

    [TearDown]
    public void Remove() => _folder.Dispose();

    [Test]
    public void It_asks_the_agent_that_is_ready_on_the_pods_node()
    {
        ProgramRun run = Run("shop/api-0", "--filter", "tcp port 80", "--count=3");
        Assert.That((run.Code, run.Output, run.Errors), Is.EqualTo(((int?)0, "capture", "")));
        string[] asked = Asked;
        Assert.That(asked[0], Is.EqualTo("<get><pod><-n><shop><api-0><-o><jsonpath={.spec.nodeName}>"));
        Assert.That(asked[1], Does.StartWith(
            "<get><pods><-n><host-agent><-l><app.kubernetes.io/name=host-agent><--field-selector><spec.nodeName=node-1>"));
        Assert.That(asked[2], Is.EqualTo(
            "<exec><-n><host-agent><new><-c><host-agent><--><host-agent><tap><shop/api-0><--write><-><--filter><tcp port 80><--count><3>"));
    }

    [TestCase("<here/api><--write><->", "api")]
    [TestCase("<lab/api><--write><->", "api", "-n", "lab")]
    [TestCase("<lab/api><--write><->", "--namespace=lab", "api")]
    [TestCase("<shop/api><--write><-><--duration><5s>", "--duration", "5s", "shop/api")]
    [TestCase("<shop/api><--print>", "shop/api", "--print")]
    [TestCase("<shop/api><--write><-><--further><x=y>", "shop/api", "--", "--further", "x=y")]
    [TestCase("<shop/api><--write><-><--filter><host=1>", "shop/api", "--filter=host=1", "--write", "-")]
    public void Options_go_where_they_belong(string tap, params string[] arguments)
    {
        Assert.That(Run(arguments).Code, Is.Zero);
        Assert.That(Asked[^1], Does.EndWith("<host-agent><tap>" + tap));
    }

    [Test]
    public void Cluster_and_namespace_of_the_agent_can_be_named()
    {
        Assert.That(Run("shop/api", "--context", "west 1", "--kubeconfig=k", "--agent-namespace", "tools").Code, Is.Zero);
        Assert.That(Asked, Has.All.StartsWith("<--kubeconfig=k><--context=west 1>"));
        Assert.That(Asked[^1], Does.Contain("<exec><-n><tools>"));
    }

    [Test]
    public void A_file_is_written_on_this_side_and_none_when_the_tap_is_refused()
    {
        string file = _folder.File("a b.pcapng");
        Assert.That(Run("shop/api", "--write", file).Code, Is.Zero);
        Assert.That(File.ReadAllText(file), Is.EqualTo("capture"));
        Assert.That(Asked[^1], Does.EndWith("<tap><shop/api><--write><->"));
        (_cluster["CAPTURE"], _cluster["CODE"]) = ("", "3");
        Assert.That(Run("shop/api", "--write", file).Code, Is.EqualTo(3));
        Assert.That(File.Exists(file), Is.False);
    }

    [TestCase("name a pod, before any '--'")]
    [TestCase("name a pod, before any '--'", "--", "shop/api")]
    [TestCase("'shop/api/x' is no pod: write NAMESPACE/POD", "shop/api/x")]
    [TestCase("'shop/' is no pod", "shop/")]
    [TestCase("'a' and 'b': one pod at a time", "a", "b")]
    [TestCase("--filter has no value", "shop/api", "--filter")]
    [TestCase("stdout has room for one of them", "shop/api", "--print", "--write", "x")]
    public void What_makes_no_sense_is_told_before_the_cluster_is_asked(string message, params string[] arguments)
    {
        ProgramRun run = Run(arguments);
        Assert.That((run.Code, run.Output), Is.EqualTo(((int?)1, "")));
        Assert.That(run.Errors, Does.StartWith("kubectl hostagent-tap: ").And.Contain(message));
        Assert.That(Asked, Is.Empty);
    }

    [TestCase("none", "new True\n", "NotFound")]
    [TestCase("", "new True\n", "pod shop/api is on no node yet")]
    [TestCase("node-1", "", "no host-agent is Ready on node node-1, in namespace host-agent")]
    [TestCase("node-1", "old False\n", "no host-agent is Ready on node node-1, in namespace host-agent")]
    public void Who_is_not_there_is_named(string node, string agents, string message)
    {
        (_cluster["NODE"], _cluster["AGENTS"]) = (node, agents);
        ProgramRun run = Run("shop/api");
        Assert.That((run.Code, run.Output), Is.EqualTo(((int?)1, "")));
        Assert.That(run.Errors, Does.Contain(message));
        Assert.That(Asked, Has.None.Contains("<exec>"));
    }

    [Test]
    public void It_has_a_help() =>
        Assert.That(Run("--help"), Has.Property("Code").Zero.And.Property("Output").Contains("wireshark -k -i -"));

    private string[] Asked => File.Exists(_folder.File("record")) ? File.ReadAllLines(_folder.File("record")) : [];

    private ProgramRun Run(params string[] arguments)
    {
        File.Delete(_folder.File("record"));
        var start = new ProcessStartInfo("sh", [Plugin, .. arguments]);
        start.Environment["PATH"] = $"{_folder.Path}:{Environment.GetEnvironmentVariable("PATH")}";
        start.Environment["RECORD"] = _folder.File("record");
        start.Environment.Remove("HOSTAGENT_NAMESPACE");
        foreach ((string name, string value) in _cluster) start.Environment[name] = value;
        return HostTool.RunToEnd(start, patience: TimeSpan.FromSeconds(30));
    }
}
