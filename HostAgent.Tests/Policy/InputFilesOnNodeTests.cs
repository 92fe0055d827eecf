using System.Text.Json;
using HostAgent.Lab;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Policy;

/// <summary>What the program itself makes of files that cannot be used.</summary>
[Parallelizable]
internal sealed class InputFilesOnNodeTests
{
    private TemporaryDirectory _files = null!;
    private NodeNetwork _node = null!;
    private string _policy = null!;

    [OneTimeSetUp]
    public void SetUp()
    {
        _node = TestNode.Create();
        _files = new TemporaryDirectory();
        _policy = _files.Write("policy.yaml", AgentFiles.PolicyOf("{address: 127.0.0.1}"));
        HostTool.Run("mkfifo", _files.File("pipe"));
    }

    [OneTimeTearDown]
    public void TearDown()
    {
        _files.Dispose();
        _node.Dispose();
    }

    [Test]
    public async Task A_pipe_or_a_directory_ends_it_at_once_with_one_line(
        [Values("run", "check")] string command, [Values("pipe", "")] string file,
        [Values("--policy", "--cluster-file", "--kubeconfig")] string option)
    {
        string[] policy = option == "--policy" ? [] : ["--policy", _policy];
        ProgramRun run = await AgentProgram.RunAsync(
            _node.Namespace, [command, .. policy, option, _files.File(file), "--node-name", "n"]);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.Code, Is.EqualTo(option == "--kubeconfig" ? 1 : 2), run.Errors);
            Assert.That(run.Messages().Single(),
                Does.StartWith(_files.File(file)).And.Contain(file == "pipe" ? "it is a pipe (FIFO)" : "it is a directory"));
        }
    }

    [TestCase("run")]
    [TestCase("check")]
    public async Task A_bad_cluster_file_ends_it_at_once_with_every_error(string command)
    {
        string cluster = _files.Write($"bad-{command}.yaml", """
            - {kind: Pod, metadata: {name: web}}
            - {kind: Pod, metadata: {name: api, namespace: shop}, status: {podIP: foo}}
            """);
        ProgramRun run = await AgentProgram.RunAsync(
            _node.Namespace, command, "--policy", _policy, "--cluster-file", cluster, "--node-name", "n");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(run.Code, Is.EqualTo(2));
            Assert.That(run.Messages(), Is.EqualTo(new[]
            {
                $"{cluster}: line 1: pod web: metadata.namespace is missing",
                $"{cluster}: line 2: pod shop/api: status.podIP \"foo\" is no IP address that a pod can have",
            }));
        }
    }

    [Test]
    public async Task A_file_with_other_nodes_pods_only_is_warned_of()
    {
        string cluster = _files.Write("other.yaml",
            "- {metadata: {name: web, namespace: shop}, spec: {nodeName: node-2}, status: {podIP: 10.0.0.2}}\n");
        Assert.That(await WarningsOfCheck(cluster, "node-1"), Does.Contain($"0 pods of node node-1; {cluster} has 1 pod of node node-2"));
        Assert.That(await WarningsOfCheck(cluster, "node-2"), Does.Not.Contain("pods of node"));
    }

    private async Task<string> WarningsOfCheck(string cluster, string nodeName)
    {
        ProgramRun run = await AgentProgram.RunAsync(_node.Namespace,
            "check", "--output", "json", "--policy", _policy, "--cluster-file", cluster, "--node-name", nodeName);
        Assert.That(run.Code, Is.Zero, run.Errors);
        using JsonDocument said = JsonDocument.Parse(run.Output);
        return said.RootElement.GetProperty("warnings").ToString();
    }
}
