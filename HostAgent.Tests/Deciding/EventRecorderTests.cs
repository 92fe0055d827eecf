using HostAgent.Cluster;
using HostAgent.Deciding;
using HostAgent.Sensors;
using HostAgent.Tests.Cluster;
using HostAgent.Tests.Links;
using HostAgent.Tests.Observability;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Tests.Deciding;

/// <summary>What becomes an event, and how often it is told.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class EventRecorderTests : ApiServerFixture
{
    private static readonly Trouble OfPod = new(new EventSubject("v1", "Pod", "a", "p1", "u-p1"), Trouble.PodNotCaptured, "why");
    private static readonly Trouble OfPolicy = new(null, Trouble.PolicyRejected, "an error");

    private readonly HandClock _clock = new();
    private readonly List<Trouble> _now = [];
    private EventStore _store = null!;
    private KubernetesApi _api = null!;
    private EventRecorder _recorder = null!;

    [SetUp]
    public void SetUp()
    {
        _store = new EventStore(Server);
        _api = new KubernetesApi(Server.Credentials, "n", NullLogger<KubernetesApi>.Instance);
        _recorder = new EventRecorder(_api.Events, EventStore.Self, () => _now, NullLogger<EventRecorder>.Instance, _clock);
    }

    [TearDown]
    public void TearDown() => _api.Dispose();

    [Test]
    public void What_is_wrong_with_policy_sensor_and_pods_is_worth_an_event_and_nothing_else()
    {
        Assert.That(Trouble.In(Example.Status, null).Select(trouble => (trouble.About?.Name, trouble.Reason)),
            Is.EqualTo(new[] { ("h", Trouble.PodNotCaptured) }), "not q, which is pending, and not n, which nobody wants");
        AgentStatus without = Example.Status with
        {
            Sensor = Example.Status.Sensor with { State = SensorState.Missing, Endpoints = [], Reason = "no pod has these labels" },
            Pods = [],
        };
        Assert.That(Trouble.In(without, "it has 2 errors"), Is.EqualTo(new[]
        {
            new Trouble(null, "PolicyRejected", "node n: it has 2 errors"),
            new Trouble(null, "SensorLost", "node n: frames are delivered to nobody, the sensor is missing: no pod has these labels"),
        }));
    }

    [Test]
    public async Task What_lasts_is_told_once_and_again_every_half_hour()
    {
        _now.AddRange([OfPod, OfPolicy]);
        await AfterAsync(TimeSpan.Zero);
        await AfterAsync(EventRecorder.Patience - TimeSpan.FromSeconds(1));
        Assert.That(_store.Told, Is.Empty, "it may be over in a moment");
        await AfterAsync(TimeSpan.FromSeconds(1));
        Assert.That(_store.Told, Is.EquivalentTo(Both(1)));
        await AfterAsync(EventRecorder.Again - TimeSpan.FromSeconds(1));
        Assert.That(_store.Told, Is.EquivalentTo(Both(1)));
        await AfterAsync(TimeSpan.FromSeconds(1));
        await AfterAsync(EventRecorder.Again);
        Assert.That(_store.Told, Is.EquivalentTo(Both(3)));
        _store.Events.Clear();
        await AfterAsync(EventRecorder.Again);
        Assert.That(_store.Told, Is.EquivalentTo(Both(1)), "what the server has forgotten is a new event");
        static string[] Both(int times) => [$"PodNotCaptured of Pod p1 x{times}", $"PolicyRejected of DaemonSet host-agent x{times}"];
    }

    [Test]
    public async Task What_comes_and_goes_is_told_once()
    {
        for (int i = 0; i < 100; i++)
        {
            _now.Add(OfPod);
            await AfterAsync(EventRecorder.Patience / 2);
            if (i % 4 == 3) await AfterAsync(EventRecorder.Patience);
            _now.Clear();
            await AfterAsync(TimeSpan.FromSeconds(1));
            Assert.That(_store.Told, i < 3 ? Is.Empty : Is.EqualTo(new[] { "PodNotCaptured of Pod p1 x1" }));
        }
    }

    [Test]
    public async Task A_node_full_of_pods_is_told_bit_by_bit_and_whole()
    {
        _now.AddRange(Enumerable.Range(0, 60).Select(i => OfPod with { About = OfPod.About! with { Name = $"p{i}", Uid = $"u{i}" } }));
        await AfterAsync(TimeSpan.Zero);
        await AfterAsync(EventRecorder.Patience);
        Assert.That(_store.Events, Has.Count.EqualTo(EventRecorder.Burst));
        await AfterAsync(EventRecorder.Refill);
        Assert.That(_store.Events, Has.Count.EqualTo(EventRecorder.Burst + 1));
        for (int i = 0; i < 60; i++) await AfterAsync(EventRecorder.Refill);
        Assert.That(_store.Told, Is.EquivalentTo(Enumerable.Range(0, 60).Select(i => $"PodNotCaptured of Pod p{i} x1")));
    }

    [Test]
    public async Task What_the_server_refuses_is_a_warning_and_is_told_later()
    {
        _store.Fault = async context =>
        {
            await ApiServer.StatusAsync(context, 403, "no");
            return true;
        };
        _now.Add(OfPod);
        await AfterAsync(TimeSpan.Zero);
        await AfterAsync(EventRecorder.Patience);
        Assert.That(_recorder.Warnings().Single(), Does.StartWith("Kubernetes Events are not written: create events: forbidden (403)"));
        _store.Fault = null;
        await AfterAsync(EventRecorder.Retry);
        Assert.That(_store.Told, Is.EqualTo(new[] { "PodNotCaptured of Pod p1 x1" }));
        Assert.That(_recorder.Warnings(), Is.Empty);
    }

    private Task AfterAsync(TimeSpan time)
    {
        _clock.Advance(time);
        return _recorder.LookAsync(default);
    }
}
