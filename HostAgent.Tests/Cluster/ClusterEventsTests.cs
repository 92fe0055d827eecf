using System.Text.Json;
using HostAgent.Cluster;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Tests.Cluster;

/// <summary>Events as they get to the API server.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class ClusterEventsTests : ApiServerFixture
{
    private static readonly EventSubject Pod = new("v1", "Pod", "a", "p1", "u-p1");
    private static readonly DateTimeOffset Time = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private EventStore _store = null!;
    private KubernetesApi _api = null!;

    [SetUp]
    public void SetUp()
    {
        _store = new EventStore(Server);
        _api = new KubernetesApi(Server.Credentials, "n", NullLogger<KubernetesApi>.Instance);
    }

    [TearDown]
    public void TearDown() => _api.Dispose();

    [Test]
    public async Task An_event_has_all_that_kubectl_describe_looks_for()
    {
        var made = new ClusterEvent(Pod, "PodNotCaptured", "it is on the host network", "host-agent-x7", Time);
        await _api.Events.CreateAsync(made, default);
        (string key, JsonElement told) = _store.Events.Single();
        Assert.That(key, Does.Match(@"^a/p1\.[0-9a-f]+$"));
        JsonElement about = told.GetProperty("regarding");
        Assert.That(((string[])["apiVersion", "kind", "namespace", "name", "uid"]).Select(field => about.GetProperty(field).GetString()),
            Is.EqualTo(new[] { "v1", "Pod", "a", "p1", "u-p1" }));
        Assert.That(((string[])["type", "reason", "note", "eventTime", "reportingInstance"])
            .Select(field => told.GetProperty(field).GetString()), Is.EqualTo(
                new[] { "Warning", "PodNotCaptured", "it is on the host network", "2026-01-02T03:04:05.000000Z", "host-agent-x7" }));

        Assert.That(await _api.Events.RepeatAsync(made, 2, Time.AddMinutes(30), default), Is.True);
        Assert.That(_store.Told, Is.EqualTo(new[] { "PodNotCaptured of Pod p1 x2" }));
        _store.Events.Clear();
        Assert.That(await _api.Events.RepeatAsync(made, 3, Time, default), Is.False, "an event that has expired");
    }

    [Test]
    public async Task What_is_too_long_is_cut_to_what_the_server_takes()
    {
        // Cut at its third dot, which must not stay.
        string name = string.Join('.', Enumerable.Repeat(new string('n', 78), 3)) + "." + new string('n', 16);
        var made = new ClusterEvent(
            Pod with { Name = name }, "R", string.Concat(Enumerable.Repeat("🐟é", 400)), new string('i', 200), Time);
        await _api.Events.CreateAsync(made, default);
        Assert.That(_store.Events.Values.Single().GetProperty("note").GetString(), Does.Match("^(🐟é)+🐟?$"));
    }

    [Test]
    public async Task The_owner_of_a_pod_is_its_controller_and_else_the_pod_itself()
    {
        Assert.That(await _api.Events.OwnerAsync(EventStore.Self, default),
            Is.EqualTo(new EventSubject("apps/v1", "DaemonSet", "security", "host-agent", "u-ds")));
        _store.Owners = "[]";
        Assert.That(await _api.Events.OwnerAsync(EventStore.Self, default),
            Is.EqualTo(new EventSubject("v1", "Pod", "security", "host-agent-x7", "u-self")));
        _store.Owners = "0";
        Assert.That(async () => await _api.Events.OwnerAsync(EventStore.Self, default),
            Throws.TypeOf<ApiCallException>().With.Message.StartsWith("list pods: the answer is no such object"));
    }

    [TestCase(403, "no", "verb create on resource events of API group events.k8s.io: \"no\"")]
    [TestCase(500, "etcd", "create events: the API server answers 500")]
    public void A_refusal_tells_its_mend(int code, string said, string mend)
    {
        _store.Fault = async context =>
        {
            await ApiServer.StatusAsync(context, code, said);
            return true;
        };
        Assert.That(async () => await _api.Events.CreateAsync(new ClusterEvent(Pod, "R", "n", "i", Time), default),
            Throws.TypeOf<ApiCallException>().With.Message.Contains(mend));
    }
}
