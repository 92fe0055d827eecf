using HostAgent.Accounts;
using HostAgent.Cluster;
using HostAgent.Links;

namespace HostAgent.Tests.Links;

public sealed class OneWayDetectorTests
{
    private static readonly Link Veth = new() { Index = 1, Name = "veth1", Kind = "veth", PeerNetns = 1, Generation = 5 };

    private readonly OneWayDetector _detector = new();

    [Test]
    public void A_link_is_one_way_when_the_pod_acknowledges_what_was_never_seen()
    {
        Assert.That(Mark(new DirectionCounts(5, 0)).Pods[0].Links[0].OneWay, Is.False, "too little to tell");
        Coverage marked = Mark(new DirectionCounts(OneWayDetector.Enough, 0));
        Assert.That(marked.Pods[0].Links[0].OneWay, Is.True);
        Assert.That(marked.Pods[0].State, Is.EqualTo(PodState.Captured));
        Assert.That(marked.Warnings.Single(), Does.Contain("shop/api").And.Contain("veth1").And.Contain("only frames from the pod"));
    }

    [Test]
    public void One_frame_to_the_pod_ends_it_and_silence_to_a_pod_that_nobody_answers_is_no_sign()
    {
        Mark(new DirectionCounts(100, 0));
        Assert.That(Mark(new DirectionCounts(200, 1)).Pods[0].Links[0].OneWay, Is.False);
        Assert.That(Mark(new DirectionCounts(205, 1)).Pods[0].Links[0].OneWay, Is.False);
        Assert.That(Mark(new DirectionCounts(300, 1)).Pods[0].Links[0].OneWay, Is.True, "it has become one-way");
        Assert.That(new OneWayDetector().Mark(Covered(), _ => new DirectionCounts(0, 0)).Warnings, Is.Empty);
        Assert.That(_detector.Mark(Covered(), _ => null).Warnings, Is.Empty);
    }

    [Test]
    public void Counts_that_begin_anew_with_another_pod_are_not_taken_for_the_old_ones()
    {
        Mark(new DirectionCounts(500, 3));
        Assert.That(Mark(new DirectionCounts(2, 0)).Pods[0].Links[0].OneWay, Is.False);
        Assert.That(Mark(new DirectionCounts(2 + OneWayDetector.Enough, 0)).Pods[0].Links[0].OneWay, Is.True);
    }

    private static Coverage Covered()
    {
        Pod pod = MonitoredNode.Pod("api", "10.0.0.1");
        return Coverage.Empty with
        {
            Pods = [new PodCoverage(pod, MonitoredNode.Rule, PodState.Captured, null, [new LinkMatch(Veth, pod.Ips[0], FoundBy.Route)])],
        };
    }

    private Coverage Mark(DirectionCounts counts) => _detector.Mark(Covered(), link => link == Veth ? counts : null);
}
