using System.Diagnostics;
using System.Text.Json;
using HostAgent.Accounts;
using HostAgent.Cluster;
using HostAgent.E2E.Acting;
using HostAgent.Pipeline;
using HostAgent.Tests;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.E2E.ApiServer;

/// <summary>The two loops against a real API server; afterwards the agent's lists are kubectl's.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
[NonParallelizable]
internal sealed class ApiServerTests
{
    private readonly ResourceStore<Pod> _pods = new();
    private readonly ResourceStore<Namespace> _namespaces = new();
    private readonly CancellationTokenSource _stop = new();
    private Workload _workload = null!;
    private ListWatch<Pod> _podLoop = null!;
    private ListWatch<Namespace> _namespaceLoop = null!;
    private PausableApi<Pod>? _podApi;
    private Task _run = Task.CompletedTask;

    [SetUp]
    public void SetUp() => _workload = new Workload(namespaces: 5);

    [TearDown]
    public async Task TearDown()
    {
        await _stop.CancelAsync();
        await _run;
        _stop.Dispose();
        _workload?.Dispose();
    }

    [Test]
    public void Five_hundred_pods_in_namespaces_that_are_relabelled()
    {
        Start(Kubeconfig.Read(ApiServerUnderTest.Kubeconfig));
        Eventually.That(() => _pods.Synced && _namespaces.Synced, "the first lists");
        _workload.AddPods("early", 250);
        _workload.Label(_workload.Namespaces[0], "on");
        _workload.AddPods("late", 250);
        _workload.RemovePods("early");
        _workload.AddPods("again", 250);
        double slowest = 0;
        for (int i = 0; i < 20; i++)
        {
            (string name, string value) = (_workload.Namespaces[i % 5], $"v{i}");
            _workload.Label(name, value);
            var clock = Stopwatch.StartNew();
            Eventually.That(() => Mirror(name) == value, $"{name} is {value}", seconds: 5);
            slowest = Math.Max(slowest, clock.Elapsed.TotalSeconds);
        }

        TestContext.Out.WriteLine($"the slowest relabelling arrived {slowest * 1000:F0} ms after kubectl had returned");
        AssertSame();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(_pods.Current, Has.Count.EqualTo(500));
            Assert.That((_podLoop.Problem, _namespaceLoop.Problem), Is.EqualTo(((string?)null, (string?)null)));
        }
    }

    [Test]
    public void The_API_server_is_killed_and_comes_back()
    {
        _workload.AddPods("before", 50);
        Start(Kubeconfig.Read(ApiServerUnderTest.Kubeconfig));
        Eventually.That(() => _pods.Current.Count == 50, "the first list");
        ApiServerUnderTest.Stop();
        try
        {
            Eventually.That(() => _podLoop.Problem is not null && _namespaceLoop.Problem is not null, "the outage");
            Assert.That(_pods.Current, Has.Count.EqualTo(50), "the last knowledge is kept");
        }
        finally
        {
            ApiServerUnderTest.Start();
        }

        Eventually.That(() => _podLoop.Problem is null && _namespaceLoop.Problem is null, "the recovery", seconds: 5);
        _workload.RemovePods("before");
        _workload.AddPods("after", 20);
        AssertSame();
        TestContext.Out.WriteLine(Restarts());
    }

    [Test]
    public void History_that_is_compacted_while_the_watch_is_down_is_made_up_by_a_list()
    {
        _workload.AddPods("before", 50);
        Start(Kubeconfig.Read(ApiServerUnderTest.Kubeconfig));
        Eventually.That(() => _pods.Current.Count == 50, "the first list");
        _podApi!.Pause();
        Eventually.That(() => _podLoop.Problem is not null, "the cut");
        _workload.RemovePods("before");
        _workload.AddPods("after", 30);
        // The server's own cache remembers what etcd has forgotten, until it is another process.
        ApiServerUnderTest.Stop();
        ApiServerUnderTest.CompactHistory();
        ApiServerUnderTest.Start();
        Assert.That(_pods.Current.Values.Select(p => p.Labels["app"]), Is.All.EqualTo("before"));
        _podApi.Resume();
        AssertSame();
        TestContext.Out.WriteLine(Restarts());
        Assert.That(_podLoop.Restarts(RestartReason.Expired), Is.GreaterThan(0), "410 Gone");
    }

    [Test]
    public void The_least_permissions_are_enough_and_without_them_the_loops_say_so()
    {
        using var mount = new TemporaryDirectory();
        string home = _workload.Namespaces[0];
        ApiCredentials admin = Kubeconfig.Read(ApiServerUnderTest.Kubeconfig);
        Kubectl.Run("create", "serviceaccount", "agent", "-n", home);
        using (JsonDocument token = JsonDocument.Parse(TokenOf(home)))
            mount.Write("token", token.RootElement.GetProperty("status").GetProperty("token").GetString()!);
        mount.Write("ca.crt", string.Join('\n', admin.Authorities!().Select(c => c.ExportCertificatePem())));
        Start(ServiceAccount.Read(
            name => name == "KUBERNETES_SERVICE_HOST" ? admin.Server.Host
                : name == "KUBERNETES_SERVICE_PORT" ? admin.Server.Port.ToString(null, null)
                : null,
            mount.Path));
        Eventually.That(() => _podLoop.Problem is not null && _namespaceLoop.Problem is not null, "the missing permissions");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(_podLoop.Problem, Does.Contain("verb list on resource pods").And.Contains($"system:serviceaccount:{home}:agent"));
            Assert.That(_namespaceLoop.Problem, Does.Contain("verb list on resource namespaces"));
        }

        _workload.AddPods("some", 10);
        try
        {
            Kubectl.Run("create", "clusterrole", home, "--verb=list,watch", "--resource=pods,namespaces");
            Kubectl.Run("create", "clusterrolebinding", home, $"--clusterrole={home}", $"--serviceaccount={home}:agent");
            Eventually.That(() => _pods.Synced && _namespaces.Synced && _podLoop.Problem is null, "the permissions that were given");
            AssertSame();
        }
        finally
        {
            Kubectl.Run("delete", "clusterrolebinding,clusterrole", home, "--ignore-not-found");
        }
    }

    private static string TokenOf(string @namespace)
    {
        using var directory = new TemporaryDirectory();
        string request = directory.Write(
            "request", "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"TokenRequest\",\"spec\":{\"expirationSeconds\":3600}}");
        return Kubectl.Run("create", "--raw", $"/api/v1/namespaces/{@namespace}/serviceaccounts/agent/token", "-f", request);
    }

    private void Start(ApiCredentials credentials)
    {
        var api = new KubernetesApi(credentials, _workload.Node, NullLogger<KubernetesApi>.Instance);
        _podApi = new PausableApi<Pod>(api.Pods);
        _podLoop = new ListWatch<Pod>(_podApi, _pods, NullLogger.Instance);
        _namespaceLoop = new ListWatch<Namespace>(api.Namespaces, _namespaces, NullLogger.Instance);
        _run = Task.WhenAll(_podLoop.RunAsync(_stop.Token), _namespaceLoop.RunAsync(_stop.Token))
            .ContinueWith(_ => api.Dispose(), TaskScheduler.Default);
    }

    private string? Mirror(string name) =>
        _namespaces.Current.Values.FirstOrDefault(n => n.Name == name)?.Labels.GetValueOrDefault("mirror");

    /// <summary>Within 5 s both lists are what kubectl says, down to the labels.</summary>
    private void AssertSame()
    {
        Dictionary<string, (string Name, string Label)> pods = ApiServerUnderTest.Pods(_workload.Node);
        Dictionary<string, string?> namespaces = ApiServerUnderTest.Namespaces();
        string[] wantedPods = [.. pods.Select(p => $"{p.Key} {p.Value.Name} {p.Value.Label}").Order(StringComparer.Ordinal)];
        string[] wantedNamespaces = [.. namespaces.Select(n => $"{n.Key} {n.Value}").Order(StringComparer.Ordinal)];
        Eventually.That(
            () => _pods.Current.Values.Select(p => $"{p.Uid} {p} {p.Labels["app"]}")
                .Order(StringComparer.Ordinal).SequenceEqual(wantedPods),
            "the pods are kubectl's", seconds: 5);
        Eventually.That(
            () => _namespaces.Current.Values.Select(n => $"{n.Name} {n.Labels.GetValueOrDefault("mirror")}")
                .Order(StringComparer.Ordinal).SequenceEqual(wantedNamespaces),
            "the namespaces are kubectl's", seconds: 5);
        Assert.That(pods, Is.Not.Empty);
    }

    private string Restarts() =>
        "pod watch restarts: " + string.Join(", ", Enum.GetValues<RestartReason>().Select(r => $"{r.Name()} {_podLoop.Restarts(r)}"));
}
