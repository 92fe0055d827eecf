using System.Net;
using System.Text;
using HostAgent.Cluster;
using HostAgent.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Tests.Cluster;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class ClusterFileTests
{
    private static readonly TimeSpan Never = TimeSpan.FromHours(1);

    private readonly LogLines<ClusterFile> _log = new();
    private TemporaryDirectory _directory = null!;

    [SetUp]
    public void SetUp() => _directory = new TemporaryDirectory();

    [TearDown]
    public void TearDown() => _directory.Dispose();

    [Test]
    public void What_kubectl_prints_as_yaml_is_read()
    {
        ClusterContent content = Read(KubectlText.Yaml);
        Pod api = content.Pods[0];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(content.Pods.Select(p => p.Name), Is.EqualTo(new[] { "api-0", "proxy" }), "those of this node");
            Assert.That(api.Labels, Is.EquivalentTo(new Dictionary<string, string>
            {
                ["app"] = "api",
                ["build"] = "1",
                ["enabled"] = "true",
                ["mirror"] = "on",
                ["quoted"] = "null",
            }));
            Assert.That(api.Ips, Is.EqualTo(new[] { IPAddress.Parse("10.244.0.5"), IPAddress.Parse("fd00::5") }));
            Assert.That(api.SecondaryIps, Is.EqualTo(new[] { IPAddress.Parse("192.168.7.2"), IPAddress.Parse("fd07::2") }));
            Assert.That((api.Ready, api.HostNetwork, api.Terminating, api.Phase), Is.EqualTo((true, false, false, PodPhase.Running)));
            Assert.That((content.Pods[1].Ready, content.Pods[1].HostNetwork, content.Pods[1].Terminating), Is.EqualTo((false, true, true)));
            Assert.That(content.Namespaces.Single().Labels["mirror"], Is.EqualTo("on"));
        }
    }

    [Test]
    public async Task A_file_that_stays_as_it_is_looks_like_no_watch_that_has_gone_silent()
    {
        var options = new AgentOptions("unread", _directory.Write("cluster.yaml", KubectlText.Yaml), null, "node-1", []);
        using var source = new ClusterSource(options, NullLoggerFactory.Instance);
        await source.SyncAsync(TimeSpan.FromSeconds(10), CancellationToken.None);
        Assert.That((source.Pods.Count, source.Watches.Count, source.Problem), Is.EqualTo((2, 0, (string?)null)));
    }

    [TestCase("{0}")]
    [TestCase("{{\"kind\":\"List\",\"items\":[{0}]}}")]
    [TestCase("{{\"items\":[{0},{0}],\"kind\":\"List\"}}")]
    [TestCase("{{\"items\":[{0}],\"kind\":\"PodList\"}}")]
    [TestCase("\uFEFF\n{0}\n{1}\n")]
    [TestCase("{{\"kind\":\"List\",\"items\":[{1},{{\"kind\":\"PodList\",\"items\":[{0}]}}]}}")]
    [TestCase("---\n{0}\n---\n---\n{1}\n")]
    public void Objects_lists_and_documents_are_all_read(string form)
    {
        string pod = KubectlText.PodJson.ReplaceLineEndings(" ");
        ClusterContent content = Read(string.Format(null, form, pod, KubectlText.NamespaceJson));
        Assert.That(content.Pods.Distinct().Single().Name, Is.EqualTo("api-0"));
    }

    [Test]
    public void Items_of_a_typed_list_need_no_kind()
    {
        ClusterContent content = Read("""
            apiVersion: v1
            kind: PodList
            items:
            - {metadata: {name: p, namespace: a, uid: u, labels: {on: yes, one: 1, ratio: 1.10, t: true, none: }}, spec: {nodeName: node-1}}
            ---
            kind: NamespaceList
            items:
            - metadata: {name: a, uid: n}
            """);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(content.Namespaces.Single().Name, Is.EqualTo("a"));
            Assert.That(content.Pods.Single().Labels, Is.EquivalentTo(new Dictionary<string, string>
            {
                ["on"] = "yes",
                ["one"] = "1",
                ["ratio"] = "1.10",
                ["t"] = "true",
                ["none"] = "",
            }), "labels are what is written");
        }
    }

    [TestCase("a: [", "line 1: is not valid YAML")]
    [TestCase("{\"kind\":\"List\",\n\"items\":[}", "line 2: is not valid JSON")]
    [TestCase("just text", "no Kubernetes object")]
    [TestCase("- kind: Pod", "no Kubernetes object")]
    [TestCase("metadata: {name: a}", "without kind")]
    [TestCase("kind: List\nitems: [{metadata: {name: a}}]", "without kind")]
    [TestCase("kind: Pod\nmetadata: &m {name: a}\nspec: *m", "line 2: anchors and aliases")]
    [TestCase("kind: Pod\nmetadata: {name: p, namespace: a}", "pod a/p: metadata.uid is missing")]
    [TestCase("kind: Namespace\nmetadata: {uid: u}", "namespace without a name: metadata.name is missing")]
    [TestCase("{\"kind\":\"\\ud800\"}", "not valid Unicode")]
    public void What_is_no_cluster_content_is_refused_in_words(string text, string message) =>
        Assert.That(() => Read(text), Throws.InstanceOf<InvalidDataException>().Or.InstanceOf<MalformedObjectException>().With.Message.Contains(message));

    [Test]
    public void Deep_nesting_is_refused()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(() => Read(new string('[', 200_000)), Throws.InstanceOf<InvalidDataException>());
            Assert.That(() => Read("{\"kind\":" + new string('[', 200_000)), Throws.InstanceOf<InvalidDataException>());
        }
    }

    [TestCase(1)]
    [TestCase(2)]
    public void Damaged_content_is_read_or_refused_in_words(int seed)
    {
        var random = new Random(seed);
        byte[] good = Encoding.UTF8.GetBytes(KubectlText.Yaml);
        int refused = 0;
        for (int i = 0; i < 1_500; i++)
        {
            try
            {
                ClusterContentReader.Read(Mutation.Of(good, random, "[]{}:,-?&*!|>'\"%@`#~ \n\t\0\\"u8), "node-1");
            }
            catch (Exception e) when (e is InvalidDataException or MalformedObjectException)
            {
                refused++;
            }
        }

        Assert.That(refused, Is.InRange(300, 1_499));
    }

    [Test]
    public async Task A_watch_expires_when_the_file_changes()
    {
        string path = _directory.Write("cluster.yaml", KubectlText.Yaml);
        using var file = new ClusterFile(path, "node-1", _log);
        file.Watch(Never);
        ResourcePage<Pod> page = await file.Pods.ListAsync(null, default);
        Assert.That((page.Items.Length, page.Continue), Is.EqualTo((2, (string?)null)));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        IAsyncEnumerator<WatchEvent<Pod>> watch = file.Pods.WatchAsync(page.ResourceVersion, limit.Token).GetAsyncEnumerator(limit.Token);
        await watch.MoveNextAsync();
        Assert.That(watch.Current.Kind, Is.EqualTo(WatchEventKind.Bookmark));
        ValueTask<bool> next = watch.MoveNextAsync();
        Assert.That(next.IsCompleted, Is.False);
        _directory.Write("cluster.yaml", KubectlText.NamespaceJson);
        Assert.That(await next, Is.True);
        Assert.That(watch.Current.Kind, Is.EqualTo(WatchEventKind.Expired));
        Assert.That((await file.Pods.ListAsync(null, default)).Items, Is.Empty);
    }

    [Test]
    public async Task The_loop_follows_the_file_and_a_bad_one_changes_nothing()
    {
        string path = _directory.Write("cluster.yaml", KubectlText.Yaml);
        using var file = new ClusterFile(path, "node-1", _log);
        file.Watch(Never);
        var pods = new ResourceStore<Pod>();
        var namespaces = new ResourceStore<Namespace>();
        using var stop = new CancellationTokenSource();
        Task loops = Task.WhenAll(
            new ListWatch<Pod>(file.Pods, pods, _log).RunAsync(stop.Token),
            new ListWatch<Namespace>(file.Namespaces, namespaces, _log).RunAsync(stop.Token));
        Eventually.That(() => pods.Synced && namespaces.Synced, "both are synced");
        Pod kept = pods.Current["u2"];
        Assert.That(pods.Current, Has.Count.EqualTo(2));

        _directory.Write("cluster.yaml", "kind: Pod\nmetadata: ]");
        Eventually.That(() => !file.LastReloadSuccessful, "the bad file is noticed");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(pods.Current, Has.Count.EqualTo(2));
            Assert.That(file.Problem, Does.StartWith(path + ": line 2: is not valid YAML"));
            Assert.That(_log.Count(LogLevel.Error), Is.EqualTo(1));
        }

        _directory.Write("cluster.yaml", KubectlText.Yaml.Replace("mirror: \"on\"", "mirror: \"off\"", StringComparison.Ordinal));
        Eventually.That(() => pods.Current.Values.Any(p => p.Labels.GetValueOrDefault("mirror") == "off"), "the pod's new label");
        Eventually.That(() => namespaces.Current["n1"].Labels["mirror"] == "off", "the namespace's new label");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(file.LastReloadSuccessful, Is.True);
            Assert.That(pods.Current["u2"], Is.SameAs(kept), "what did not change stays the same object");
        }

        await stop.CancelAsync();
        await loops;
    }

    [Test]
    public async Task A_file_that_comes_later_is_found()
    {
        string path = _directory.File("cluster.yaml");
        using var file = new ClusterFile(path, "node-1", _log);
        file.Watch(Never);
        var pods = new ResourceStore<Pod>();
        var loop = new ListWatch<Pod>(file.Pods, pods, _log);
        using var stop = new CancellationTokenSource();
        Task run = loop.RunAsync(stop.Token);
        Eventually.That(() => loop.Problem is not null, "the missing file is a problem");
        Assert.That(pods.Synced, Is.False);
        _directory.Write("cluster.yaml", KubectlText.Yaml);
        Eventually.That(() => pods.Synced && loop.Problem is null, "the file is read");
        Assert.That(loop.Restarts(RestartReason.Malformed), Is.GreaterThan(0));
        await stop.CancelAsync();
        await run;
    }

    private static ClusterContent Read(string text) => ClusterContentReader.Read(Encoding.UTF8.GetBytes(text), "node-1");
}
