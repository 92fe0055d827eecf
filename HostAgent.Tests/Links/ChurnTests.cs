using System.Collections.Immutable;
using HostAgent.Cluster;
using HostAgent.Links;
using HostAgent.Policy;
using HostAgent.Tests.Network;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Tests.Links;

/// <summary>Pods that come and go with the addresses and the ifindexes of those before them.</summary>
public sealed class ChurnTests
{
    private const int Pods = 110;
    private const int Rounds = 4;

    [Test]
    public async Task Pods_replaced_over_and_over_are_never_mistaken_and_leave_nothing_behind()
    {
        using var at = new MonitoredNode();
        using LinkLookups lookups = at.Node.Namespace.Run(
            () => new LinkLookups(() => at.Snapshot, listen: true, NullLoggerFactory.Instance));
        var matcher = new PodLinkMatcher(lookups.All);
        ImmutableArray<Pod> api = [];
        var mistaken = new List<string>();
        string[] open = [];

        // As the agent does: on every change of the links, whatever the API says at that moment.
        void Match()
        {
            lock (matcher)
            {
                Coverage coverage = matcher.Match([.. api.Select(pod => (pod, (MirrorRule?)MonitoredNode.Rule))], at.Snapshot).Coverage;
                lookups.Follow(coverage);
                foreach (PodCoverage pod in coverage.Pods)
                {
                    foreach (LinkMatch match in pod.Links)
                    {
                        if (!match.Link.Name.StartsWith(Generation(pod.Pod), StringComparison.Ordinal))
                            mistaken.Add($"{pod.Pod.Name}: {match.Link.Name}");
                    }
                }

                _captured = coverage.Pods.Count(pod => pod.State == PodState.Captured);
            }
        }

        at.Monitor.Changed += Match;
        for (int round = 1; round <= Rounds; round++)
        {
            int now = round;
            if (round > 1)
            {
                // As kubelet does: the pod is terminating before its sandbox is torn down.
                lock (matcher) api = [.. api.Select(pod => pod with { Terminating = true })];
                Match();
                at.Node.Namespace.IpBatch([.. Numbers.Select(i => $"link del g{now - 1}-{i}")]);
            }

            if (round % 2 == 0) Tell(now);
            at.Node.Namespace.IpBatch([.. Numbers.SelectMany(i => (string[])
                [
                    $"link add g{now}-{i} index {1000 + i} type veth peer name p{now}-{i} netns {at.Node.World.Name}",
                    $"link set g{now}-{i} up", $"route add 10.77.0.{i} dev g{now}-{i}",
                ])]);
            if (round % 2 != 0) Tell(now);
            Match();
            await Eventually.ThatAsync(() =>
            {
                Match();
                return _captured == Pods && at.Snapshot.Links.Count == Pods + 2;
            }, $"all pods of round {round} are captured");
            if (round == 1) open = OpenDescriptors.Now();
        }

        at.Monitor.Changed -= Match;
        Assert.That(mistaken, Is.Empty);
        Assert.That(at.Monitor.Failures, Is.Zero, at.Monitor.Problem);
        Assert.That(() => OpenDescriptors.Now().Except(open), Is.Empty.After(30).Seconds.PollEvery(20).MilliSeconds,
            "descriptors that the first round did not have");

        void Tell(int round)
        {
            lock (matcher) api = [.. Numbers.Select(i => MonitoredNode.Pod($"g{round}-{i}", $"10.77.0.{i}"))];
            Match();
        }
    }

    private static IEnumerable<int> Numbers => Enumerable.Range(1, Pods);

    private int _captured;

    private static string Generation(Pod pod) => pod.Name[..(pod.Name.IndexOf('-') + 1)];
}
