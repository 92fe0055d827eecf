using HostAgent.Cluster;

namespace HostAgent.Tests.Cluster;

/// <summary>An API server of the test's own, with one namespace and two pods, for each test.</summary>
internal abstract class ApiServerFixture
{
    protected ApiServer Server { get; private set; } = null!;

    /// <summary>Everything takes a second, so that a test sees it happen.</summary>
    protected static ApiTimeouts Short { get; } = new()
    {
        Connect = TimeSpan.FromSeconds(5),
        Answer = TimeSpan.FromSeconds(1),
        Watch = TimeSpan.FromSeconds(1),
        Grace = TimeSpan.FromMilliseconds(200),
        PingAfter = TimeSpan.FromSeconds(1),
        PingAnswer = TimeSpan.FromSeconds(1),
    };

    /// <summary>As in production.</summary>
    protected static ApiTimeouts Long { get; } = new();

    [SetUp]
    public async Task StartServer()
    {
        Server = await ApiServer.StartAsync();
        Server.Objects.PutNamespace("a");
        Server.Objects.PutPod("p1", ip: "10.0.0.1");
        Server.Objects.PutPod("p2", ip: "fd00::2");
    }

    [TearDown]
    public async Task EndServer() => await Server.DisposeAsync();

    /// <summary>Watches that have their lists and follow.</summary>
    protected async Task<RunningWatches> SyncedAsync(ApiTimeouts timeouts, Backoff? backoff = null)
    {
        var watches = new RunningWatches(Server.Credentials, timeouts, backoff: backoff);
        await Task.Run(() => Eventually.That(() => watches.Synced, "both lists"));
        Eventually.That(() => Server.Requests.Count(r => r.Watch) >= 2, "both watches");
        return watches;
    }
}
