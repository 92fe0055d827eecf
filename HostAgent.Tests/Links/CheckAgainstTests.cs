using System.Text.Json;
using HostAgent.Lab;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Links;

/// <summary><c>host-agent check --against</c> on a node: what a policy changes, compared with the one before it.</summary>
[Parallelizable]
public sealed class CheckAgainstTests
{
    private const string Head = "apiVersion: hostagent/v1\nkind: MirrorPolicy\nsensor: {address: 127.0.0.1}\nvni: 1\nrules:\n";

    private const string Old = Head + """
        - {name: all, namespaceSelector: {matchLabels: {mirror: "on"}}}
        """;

    private const string New = "tap: any\n" + Head + """
        - {name: api, namespaceSelector: {}, podSelector: {matchLabels: {app: api}}, vni: 7, sample: 1/2}
        - {name: rest, namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: lab}}, priority: low}
        - {name: web, namespaceSelector: {}, podSelector: {matchExpressions: [{key: app, operator: In, values: [api, web]}]}}
        """;

    private TemporaryDirectory _files = null!;

    [SetUp]
    public void Make() => _files = new TemporaryDirectory();

    [TearDown]
    public void Remove() => _files.Dispose();

    [Test]
    public async Task It_tells_pods_rules_shadows_and_volume_of_both_policies()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork api = node.AddRouted("api"), db = node.AddRouted("db"), lab = node.AddRouted("lab");
        string[] arguments = Arguments(Old, New, ("shop", "api", api), ("shop", "db", db), ("lab", "api", lab));
        using var stop = new CancellationTokenSource();
        Task<long> traffic = Task.Run(() => SmallUdp.RunAsync(api, db, db.Ipv4, 1000, long.MaxValue, 200, stop.Token));
        await Eventually.ThatAsync(
            () => node.Namespace.Run(() => Interop.ProcNet.Traffic(api.HostLink).Frames) > 100, "frames flow");
        ProgramRun json = await AgentProgram.RunAsync(node.Namespace, [.. arguments, "--output", "json"]);
        ProgramRun text = await AgentProgram.RunAsync(node.Namespace, arguments);
        await stop.CancelAsync();
        await traffic;
        Assert.That(json.Code, Is.Zero, json.Errors);

        JsonElement against = JsonDocument.Parse(json.Output).RootElement.GetProperty("against");
        Assert.That(against.GetProperty("pods").EnumerateArray().Select(Change), Is.EqualTo(new[]
        {
            "added lab/api: rule -api, vni -7, sample -1/2",
            "changed shop/api: rule all-api, vni 1-7, sample 1/1-1/2",
            "removed shop/db: rule all-, vni 1-",
        }));
        Assert.That($"{against.GetProperty("tap")}", Is.EqualTo("""{"key":"tap","old":"scope","new":"any"}"""));
        Assert.That(text.Output, Does.Contain("Who may be tapped changes: tap scope -> any.\n"));
        JsonElement[] rules = [.. against.GetProperty("rules").EnumerateArray()];
        Assert.That(rules.Select(rule => $"{rule.GetProperty("name")} {rule.GetProperty("pods")} {rule.GetProperty("shadowed")}"),
            Is.EqualTo(new[]
            {
                """api ["lab/api","shop/api"] []""",
                """rest [] [{"by":"api","pods":["lab/api"]}]""",
                """web [] [{"by":"api","pods":["lab/api","shop/api"]}]""",
            }));
        double now = rules[0].GetProperty("framesPerSecond").GetDouble();
        double before = against.GetProperty("oldRules")[0].GetProperty("framesPerSecond").GetDouble();
        // Each frame is on both links before, and by the new policy on one of which half is mirrored.
        Assert.That(now, Is.Positive);
        Assert.That(before / now, Is.InRange(3.5, 4.5));
        Assert.That(rules[0].GetProperty("bitsPerSecond").GetDouble() / now, Is.InRange(8 * 200, 8 * 300), "bits of a frame");

        Assert.That(text.Output, Does.Contain(": 1 pods come into scope, 1 leave it, 1 are mirrored otherwise.")
            .And.Contain("  changed shop/api: rule all -> api, vni 1 -> 7, sample 1/1 -> 1/2\n")
            .And.Contain("  removed shop/db: rule all, vni 1; now no rule matches\n")
            .And.Match("  api: 2 pods, about [1-9][0-9]* frames/s, [0-9.]+ Mbit/s: lab/api, shop/api\n")
            .And.Contain("    would match 1 more, which api takes before it: lab/api\n")
            .And.Match("estimate from the links' counters over [0-9]+\\.[0-9] s"));
    }

    [Test]
    public async Task A_bad_old_policy_is_named_by_its_file_and_ends_with_2()
    {
        using NodeNetwork node = TestNode.Create();
        string old = Old.Replace("vni: 1", "vni: x", StringComparison.Ordinal);
        ProgramRun run = await AgentProgram.RunAsync(node.Namespace, Arguments(old, New));
        Assert.That(run.Code, Is.EqualTo(2));
        Assert.That(run.Messages().Single(), Does.Match("old\\.yaml:4: vni: must be a number"));
    }

    private static string Change(JsonElement pod) =>
        $"{pod.GetProperty("change")} {pod.GetProperty("namespace")}/{pod.GetProperty("name")}: "
        + string.Join(", ", pod.GetProperty("keys").EnumerateArray()
            .Select(key => $"{key.GetProperty("key")} {key.GetProperty("old")}-{key.GetProperty("new")}"));

    private string[] Arguments(string old, string now, params (string Namespace, string App, PodNetwork Pod)[] pods)
    {
        string cluster = "apiVersion: v1\nkind: List\nitems:\n"
            + """
              - {apiVersion: v1, kind: Namespace, metadata: {name: shop, uid: a, labels: {mirror: "on"}}}
              - {apiVersion: v1, kind: Namespace, metadata: {name: lab, uid: b, labels: {kubernetes.io/metadata.name: lab}}}

              """
            + string.Concat(pods.Select(pod =>
                $"- {{apiVersion: v1, kind: Pod, metadata: {{name: {pod.App}, namespace: {pod.Namespace}, uid: {pod.Namespace}-{pod.App}, "
                + $"labels: {{app: {pod.App}}}}}, spec: {{nodeName: n}}, status: {{phase: Running, podIP: {pod.Pod.Ipv4}}}}}\n"));
        return
        [
            "check", "--policy", _files.Write("new.yaml", now), "--against", _files.Write("old.yaml", old),
            "--cluster-file", _files.Write("cluster.yaml", cluster), "--node-name", "n",
        ];
    }
}
