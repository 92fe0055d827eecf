using System.Collections.Immutable;
using System.Net;
using System.Text;
using HostAgent.Cluster;
using HostAgent.Commands;
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
        using var source = new ClusterSource(
            _directory.Write("cluster.yaml", KubectlText.Yaml), null, "node-1", NullLoggerFactory.Instance);
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

    [Test]
    public void What_is_written_by_hand_may_leave_out_what_can_be_told_without_it()
    {
        ClusterContent content = Read("""
            - kind: Namespace
              metadata: {name: shop, labels: {mirror: "on"}}
            - kind: Pod
              metadata: {name: web, namespace: shop}
              status: {podIP: 10.0.0.2}
            - metadata: {name: db, namespace: shop, uid: given}
              spec: {nodeName: ""}
              status: {podIPs: [{ip: 10.0.0.3}]}
            - {kind: Pod, metadata: {name: elsewhere, namespace: shop}, spec: {nodeName: node-2}}
            - {kind: Pod, metadata: {name: starting, namespace: shop}}
            - {kind: Pod, metadata: {name: unscheduled, namespace: shop}, status: {phase: Pending}}
            - kind: PodList
              items: [{metadata: {name: listed, namespace: shop}}]
            ---
            [{"kind": "Pod", "metadata": {"name": "json", "namespace": "shop"}}]
            """);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(content.Pods.Select(p => (p.Name, p.Uid, p.NodeName)), Is.EqualTo(new[]
            {
                ("web", "shop/web", "node-1"),
                ("db", "given", "node-1"),
                ("starting", "shop/starting", "node-1"),
                ("listed", "shop/listed", "node-1"),
                ("json", "shop/json", "node-1"),
            }));
            Assert.That(content.Namespaces.Select(n => (n.Name, n.Uid)), Is.EqualTo(new[] { ("shop", "shop") }));
            Assert.That(content.Others.Select(pod => pod.NodeName), Is.EqualTo(new[] { "node-2" }));
        }
    }

    [TestCase("a: [", "is not valid YAML")]
    [TestCase("a: 1\nb: ]", "line 2: is not valid YAML")]
    [TestCase("{\"kind\":\"List\",\n\"items\":[}", "line 2: is not valid JSON")]
    [TestCase("\n\n{\"kind\":\"Pod\",\"metadata\":7}", "line 3: pod without a name: metadata must be an object")]
    [TestCase("just text", "line 1: holds something that is no Kubernetes object")]
    [TestCase("# a list\n- [{kind: Pod}]", "line 2: holds something that is no Kubernetes object")]
    [TestCase("metadata: {name: a}", "without kind: write kind: Pod or kind: Namespace")]
    [TestCase("kind: List\nitems: [{metadata: {name: a}}]", "line 2: holds an object without kind")]
    [TestCase("kind: pod\nmetadata: {name: p, namespace: a}", "line 1: kind \"pod\": did you mean Pod?")]
    [TestCase("kind: podList\nitems: []", "did you mean PodList?")]
    [TestCase("kind: Pod\nmetadata: &m {name: a}\nspec: *m", "line 2: anchors and aliases")]
    [TestCase("kind: Pod\nmetadata: {uid: u, name: p}", "line 1: pod p: metadata.namespace is missing")]
    [TestCase("kind: Pod\nmetadata: {namespace: a}", "line 1: pod a/without a name: metadata.name is missing")]
    [TestCase("kind: Namespace\nmetadata: {uid: u}", "namespace without a name: metadata.name is missing")]
    [TestCase("kind: Pod\nmetadata: {name: p, namespace: a}\nstatus: {podIP: foo}", "pod a/p: status.podIP \"foo\" is no IP address")]
    [TestCase("kind: Pod\nmetadata: {name: p, namespace: a}\nstatus: {podIPs: [{ip: 10.0.0.1}, {ip: 10.0.0.256}]}",
        "pod a/p: status.podIPs.ip \"10.0.0.256\" is no IP address")]
    [TestCase("{\"kind\":\"\\ud800\"}", "line 1: holds text that is not valid Unicode")]
    public void What_is_no_cluster_content_is_refused_in_words(string text, string message) =>
        Assert.That(Errors(text).Single(), Does.Contain(message));

    [Test]
    public void Everything_that_is_wrong_is_told_at_once_with_its_line()
    {
        // Comments, long texts, empty lines and documents between them, and JSON in one of them.
        Assert.That(Errors("""
            # by hand
            - kind: Pod
              metadata: {name: a, namespace: shop, uid: u}

            - kind: Pod
              metadata:
                name: b
                annotations:
                  text: |
                    several

                    lines
                  plain: several
                    lines
                namespace: shop
                uid: u
            - kind: Pod
              metadata: {name: c, namespace: shop}
              status:
                podIP: foo
            ---
            {"kind": "List", "items": [
              {"kind": "Pod", "metadata": {"name": "d"}},
              {"kind": "Namespace", "metadata": {"name": "shop", "labels": {"mirror": "on"}}}
            ]}
            ---
            kind: NamespaceList
            items:
            - metadata: {name: other}
            - metadata: {name: shop}
            """), Is.EqualTo(new[]
        {
            "line 5: pod shop/b: metadata.uid \"u\" is that of pod shop/a, too, on line 2",
            "line 17: pod shop/c: status.podIP \"foo\" is no IP address that a pod can have",
            "line 23: pod d: metadata.namespace is missing",
            "line 30: namespace shop is there twice, and not the same: first on line 24",
        }));
    }

    [Test]
    public void A_file_of_nothing_but_errors_is_told_in_part()
    {
        ImmutableArray<string> errors = Errors(string.Concat(Enumerable.Repeat("- {kind: Pod}\n", 1000)));
        Assert.That((errors.Length, errors[199], errors[200]),
            Is.EqualTo((201, "line 200: pod without a name: metadata.name is missing", "and 800 more errors")));
    }

    [Test]
    public void Deep_nesting_is_refused()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Errors(new string('[', 200_000)).Single(), Does.Contain("nested deeper"));
            Assert.That(Errors("{\"kind\":" + new string('[', 200_000)).Single(), Does.Contain("is not valid JSON"));
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
            ClusterResult result = ClusterContentReader.Read(Mutation.Of(good, random, "[]{}:,-?&*!|>'\"%@`#~ \n\t\0\\"u8), "node-1");
            Assert.That(result.Content is null, Is.EqualTo(result.Errors.Length > 0));
            if (result.Content is null) refused++;
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
            Assert.That(file.Problem,
                Does.StartWith($"the cluster file has 1 error(s) and is not in force: {path}: line 2: is not valid YAML"));
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
    public void A_bad_or_missing_file_at_start_is_an_exception_with_every_error()
    {
        string bad = _directory.Write("cluster.yaml", "- {kind: Pod}\n- {kind: Namespace}\n");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(() => new ClusterFile(bad, "node-1", _log), Throws.TypeOf<ClusterFileException>().With.Message.EqualTo(
                $"{bad}: line 1: pod without a name: metadata.name is missing\n"
                + $"{bad}: line 2: namespace without a name: metadata.name is missing"));
            Assert.That(() => new ClusterFile(_directory.File("none"), "node-1", _log),
                Throws.TypeOf<ClusterFileException>().With.Message.StartsWith(_directory.File("none") + ": cannot be read: "));
        }
    }

    [Test]
    public async Task A_file_that_goes_and_comes_back_is_followed()
    {
        string path = _directory.Write("cluster.yaml", KubectlText.Yaml);
        using var file = new ClusterFile(path, "node-1", _log);
        file.Watch(Never);
        File.Delete(path);
        Eventually.That(() => file.Problem is not null, "the missing file is a problem");
        Assert.That((await file.Pods.ListAsync(null, default)).Items, Has.Length.EqualTo(2));
        _directory.Write("cluster.yaml", KubectlText.NamespaceJson);
        Eventually.That(() => file.Problem is null, "the file is read");
        Assert.That((await file.Pods.ListAsync(null, default)).Items, Is.Empty);
    }

    [Test]
    public void A_file_with_pods_of_other_nodes_only_is_said_in_log_and_warnings()
    {
        string path = _directory.Write("cluster.yaml", string.Concat(Enumerable.Range(0, 11).Select(i =>
            $"- {{kind: Pod, metadata: {{name: p{i}, namespace: a}}, spec: {{nodeName: node-{Math.Max(2, i - 5)}}}}}\n")));
        using var file = new ClusterFile(path, "node-1", _log);
        string expected = $"0 pods of node node-1; {path} has 8 pods of node node-2, 1 pod of node node-3, 1 pod of node node-4, "
            + "and more of other nodes: --node-name says whose pods count";
        using (Assert.EnterMultipleScope())
        {
            Assert.That(file.NobodyHere, Is.EqualTo(expected));
            Assert.That(_log.All.Where(line => line.Level == LogLevel.Warning).Select(line => line.Text), Is.EqualTo(new[] { expected }));
        }

        string[] all = ["[]", "- {kind: Pod, metadata: {name: p, namespace: a}}", "- {kind: Namespace, metadata: {name: a}}"];
        foreach (string fine in all)
        {
            using var other = new ClusterFile(_directory.Write("other.yaml", fine), "node-1", _log);
            Assert.That(other.NobodyHere, Is.Null, fine);
        }
    }

    [Test]
    public async Task The_source_warns_of_both_what_is_wrong_and_what_may_not_be_meant()
    {
        string path = _directory.Write("cluster.yaml", "- {kind: Pod, metadata: {name: p, namespace: a}, spec: {nodeName: node-2}}");
        using var source = new ClusterSource(path, null, "node-1", NullLoggerFactory.Instance);
        using var stop = new CancellationTokenSource();
        Task run = source.RunAsync(stop.Token);
        Assert.That(source.Warnings().Single(), Does.StartWith("0 pods of node node-1"));
        _directory.Write("cluster.yaml", "kind: [");
        Eventually.That(() => source.Warnings().Count() == 2, "the bad file");
        await stop.CancelAsync();
        await run;
    }

    private static ClusterContent Read(string text)
    {
        ClusterResult result = ClusterContentReader.Read(Encoding.UTF8.GetBytes(text), "node-1");
        Assert.That(result.Errors, Is.Empty);
        return result.Content!;
    }

    private static ImmutableArray<string> Errors(string text)
    {
        ClusterResult result = ClusterContentReader.Read(Encoding.UTF8.GetBytes(text), "node-1");
        Assert.That(result.Content, Is.Null);
        return result.Errors;
    }
}
