using System.Collections.Immutable;
using System.Net;
using HostAgent.Accounts;
using HostAgent.Capture;
using HostAgent.Filters;
using HostAgent.Interop;
using HostAgent.Links;
using HostAgent.Pipeline;
using HostAgent.Policy;
using HostAgent.Sensors;
using HostAgent.Tests.Links;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Tests.Pipeline;

/// <summary>Which links the captures are told of, round after round, when one of them cannot take them.</summary>
internal sealed class MirrorLinksTests
{
    private static readonly SensorStatus Nobody = new(SensorState.Missing, SensorReads.Sniff, [], "none");

    private readonly FailingCaptures _captures = new();

    [Test]
    public void Links_that_could_not_be_set_are_set_in_the_next_round_and_then_left_alone()
    {
        using var mirror = new Mirror(_captures, 1, NullLogger.Instance);
        _captures.Fail = true;
        Assert.That(() => Round(mirror, 7), Throws.TypeOf<ErrnoException>());
        Assert.That(_captures.Opened[0].Links, Is.Empty);

        _captures.Fail = false;
        Round(mirror, 7);
        Assert.That(_captures.Opened[0].Links, Is.EqualTo([7]));
        Round(mirror, 7);
        Assert.That(_captures.Opened[0].Calls, Is.EqualTo(2));
        mirror.Drain(TimeSpan.FromSeconds(10));
    }

    [Test]
    public void When_one_capture_fails_the_others_do_not_keep_links_that_are_no_longer_wanted()
    {
        using var mirror = new Mirror(_captures, 2, NullLogger.Instance);
        Round(mirror, 7);
        _captures.Fail = true;
        Assert.That(() => Round(mirror, 7, 8), Throws.TypeOf<ErrnoException>());
        Assert.That(_captures.Opened.Select(capture => capture.Links.Length), Is.EqualTo([2, 1]), "the last one fails");

        _captures.Fail = false;
        Round(mirror, 7);
        Assert.That(_captures.Opened.Select(capture => capture.Links), Is.All.EqualTo(new[] { 7 }));
        mirror.Drain(TimeSpan.FromSeconds(10));
    }

    [Test]
    public void Filters_that_are_the_same_leave_the_captures_alone_and_have_no_directions()
    {
        using var mirror = new Mirror(_captures, 1, NullLogger.Instance);
        IdleCapture capture = _captures.Opened[0];
        RuleTraffic? Of(string filter) => RuleTraffic.All with { Filter = FrameFilter.Compile(filter) };
        foreach ((RuleTraffic? traffic, int calls) in new[] { (null, 1), (Of("udp"), 2), (Of("udp"), 2), (Of("tcp"), 3), (null, 4) })
        {
            PodCoverage pod = Captured(7);
            mirror.Apply([traffic is null ? pod : pod with { Rule = pod.Rule! with { Traffic = traffic } }], Nobody, new SensorPolicy());
            Assert.That(capture.Calls, Is.EqualTo(calls));
            Assert.That(mirror.Directions(pod.Links[0].Link) is null, Is.EqualTo(traffic is not null));
            Assert.That(mirror.Traffic.Single().RejectedEstimate is null, Is.EqualTo(traffic is null));
        }

        mirror.Drain(TimeSpan.FromSeconds(10));
    }

    private static void Round(Mirror mirror, params int[] links) => mirror.Apply([.. links.Select(Captured)], Nobody, new SensorPolicy());

    private static PodCoverage Captured(int index)
    {
        string ip = $"10.0.0.{index}";
        return new PodCoverage(MonitoredNode.Pod($"p{index}", ip), MonitoredNode.Rule, PodState.Captured, null,
            [new LinkMatch(new Link { Index = index, Name = $"veth{index}" }, IPAddress.Parse(ip), FoundBy.Route)]);
    }

    /// <summary>Captures without frames, of which the last takes no links while it is told to fail.</summary>
    private sealed class FailingCaptures : ICaptureFactory
    {
        public bool Fail { get; set; }

        public ImmutableArray<IdleCapture> Opened { get; private set; } = [];

        public IReadOnlyList<ICapture> Open(int shards)
        {
            Opened = [.. Enumerable.Range(1, shards).Select(i => new IdleCapture(() => Fail && i == shards))];
            return [.. Opened];
        }
    }

    private sealed class IdleCapture(Func<bool> fails) : ICapture
    {
        public int[] Links { get; private set; } = [];

        public int Calls { get; private set; }

        public double Backlog => 0;

        public bool SetLinks(ReadOnlySpan<CapturedLink> links)
        {
            Calls++;
            if (fails()) throw new ErrnoException("SO_ATTACH_FILTER", "capture ring", Errno.ENOMEM);
            Links = [.. links.ToArray().Select(link => link.Index)];
            return true;
        }

        public void NeedHeadsOnly(ReadOnlySpan<LinkParts> flows)
        {
        }

        public FrameBlock? Next(int timeoutMilliseconds)
        {
            Thread.Sleep(1);
            return null;
        }

        public CaptureStatistics ReadStatistics() => default;

        public void Dispose()
        {
        }
    }
}
