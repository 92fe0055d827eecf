using HostAgent.Cluster;
using HostAgent.PodMap;
using HostAgent.Policy;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Tests.PodMap;

/// <summary>The map as the agent keeps it, from a cluster that changes.</summary>
[Parallelizable]
public sealed class PodMapKeeperTests
{
    private const string Namespaces = "- {kind: Namespace, metadata: {name: shop, uid: ns}}\n";

    private TemporaryDirectory _directory = null!;
    private PodMapPolicy? _policy;

    private string Map => _directory.File("pods");

    [SetUp]
    public void MakeDirectory() => _directory = new TemporaryDirectory();

    [TearDown]
    public void RemoveDirectory() => _directory.Dispose();

    [Test]
    public async Task It_follows_the_pods_of_the_node()
    {
        _policy = new PodMapPolicy(Map);
        await RunAsync(Pod("web", "n", "10.0.0.1") + Pod("far", "other", "10.0.0.9"), async (_, write) =>
        {
            await Eventually.ThatAsync(() => Names() == "web", "the node's pod is there");
            write(Pod("api", "n", "10.0.0.1"));
            await Eventually.ThatAsync(() => Names() == "api", "the address is the new pod's");
        });
        AddressOwner[] history = [.. new AddressHistory(Map).Owners()];
        Assert.That(history.Select(owner => (owner.Name, owner.Until is null)), Is.EqualTo(new[] { ("web", false), ("api", true) }));
    }

    [Test]
    public async Task With_scope_cluster_it_has_pods_of_all_nodes_and_services()
    {
        _policy = new PodMapPolicy(Map, PodMapScope.Cluster);
        const string service = "- {kind: Service, metadata: {name: api, namespace: shop}, spec: {clusterIP: 10.96.0.9}}\n"
            + "- {kind: Service, metadata: {name: headless, namespace: shop}, spec: {clusterIP: None}}\n";
        await RunAsync(Pod("web", "n", "10.0.0.1") + Pod("far", "other", "10.0.0.9") + service, (_, _) =>
            Eventually.ThatAsync(() => Names() == "web far api", "all are there"));
        Assert.That(
            File.ReadAllLines(Path.Combine(Map, "pods.tsv"))[^1],
            Does.StartWith("10.96.0.9\tshop\tapi\t-\t-\t").And.EndsWith("\tservice"));
    }

    [Test]
    public async Task A_restarted_agent_goes_on_with_the_history()
    {
        _policy = new PodMapPolicy(Map);
        string pods = Pod("web", "n", "10.0.0.1");
        await RunAsync(pods, (_, _) => Eventually.ThatAsync(() => Names() == "web", "the pod is there"));
        DateTimeOffset since = new AddressHistory(Map).Owners().Single().Since;
        File.Delete(Path.Combine(Map, "pods.tsv"));
        await RunAsync(pods, (_, _) => Eventually.ThatAsync(() => Names() == "web", "the map is there again"));
        Assert.That(new AddressHistory(Map).Read().Single().Since, Is.EqualTo(since));
    }

    [Test]
    public async Task A_directory_that_cannot_be_written_is_a_warning_until_it_can()
    {
        _directory.Write("pods", "a file is in the way");
        _policy = new PodMapPolicy(Map);
        await RunAsync(Pod("web", "n", "10.0.0.1"), async (keeper, _) =>
        {
            await Eventually.ThatAsync(() => keeper.Warnings().Any(), "a warning");
            Assert.That(keeper.Warnings().Single(), Does.Contain(Map).And.Contain("mount a directory there"));
            File.Delete(Map);
            await Eventually.ThatAsync(() => Names() == "web" && !keeper.Warnings().Any(), "the map is written, the warning gone");
        });
    }

    [Test]
    public async Task What_is_too_much_is_left_out_with_a_warning()
    {
        _policy = new PodMapPolicy(Map, Most: 1);
        await RunAsync(Pod("web", "n", "10.0.0.1") + Pod("api", "n", "10.0.0.2"), async (keeper, _) =>
        {
            await Eventually.ThatAsync(() => Names() == "web", "one is there");
            Assert.That(keeper.Warnings().Single(), Does.StartWith("the pod map leaves out 1 of 2 addresses"));
        });
    }

    [Test]
    public async Task The_policy_turns_it_on_and_off_and_elsewhere()
    {
        await RunAsync(Pod("web", "n", "10.0.0.1"), async (_, write) =>
        {
            _policy = new PodMapPolicy(Map);
            await Eventually.ThatAsync(() => Names() == "web", "on");
            _policy = null;
            await Task.Delay(1500);
            write(Pod("api", "n", "10.0.0.1"));
            _policy = new PodMapPolicy(_directory.File("elsewhere"));
            await Eventually.ThatAsync(() => File.Exists(_directory.File("elsewhere/pods.tsv")), "elsewhere");
            Assert.That(Names(), Is.EqualTo("web"), "what nobody asks for is left as it was");
        });
    }

    private static string Pod(string name, string node, string ip) =>
        $"- {{kind: Pod, metadata: {{name: {name}, namespace: shop}}, spec: {{nodeName: {node}}}, "
        + $"status: {{phase: Running, podIP: {ip}}}}}\n";

    private async Task RunAsync(string objects, Func<PodMapKeeper, Action<string>, Task> test)
    {
        string file = _directory.Write("cluster.yaml", Namespaces + objects);
        using var cluster = new ClusterSource(file, null, "n", NullLoggerFactory.Instance);
        using var stop = new CancellationTokenSource();
        var keeper = new PodMapKeeper(() => Volatile.Read(ref _policy), cluster, NullLoggerFactory.Instance);
        Task running = Task.WhenAll(cluster.RunAsync(stop.Token), keeper.RunAsync(stop.Token));
        try
        {
            await test(keeper, changed => _directory.Write("cluster.yaml", Namespaces + changed));
        }
        finally
        {
            await stop.CancelAsync();
            await running;
        }
    }

    /// <summary>In the order of their addresses.</summary>
    private string Names()
    {
        string file = Path.Combine(Map, "pods.tsv");
        return File.Exists(file) ? string.Join(' ', File.ReadAllLines(file)[1..].Select(line => line.Split('\t')[2])) : "";
    }
}
