using HostAgent.Demo;
using HostAgent.Lab;
using HostAgent.Observability;

namespace HostAgent.Tests.Demo;

/// <summary>A verdict that cannot be bad is none.</summary>
[TestFixture]
internal sealed class DemoResultTests
{
    private static readonly SensorReport Seen = SensorReport.Empty with { Datagrams = 30, Frames = 30, Duplicates = 3 };

    private const string Lookup =
        """{"id.resp_p":1389,"proto":"tcp","service":"ldap","orig_pod.name":"api","resp_pod.name":"db"}""";

    private static readonly DemoResult Good = new(
        Reading(seen: 12, delivered: 10, lost: 2, state: "captured"), Seen, 11, 11,
        new DialResult(Dialled(0), Dialled(5), Seen), new ConnLog([Lookup]), 0, TimeSpan.FromSeconds(1));

    private static IEnumerable<TestCaseData> Faults()
    {
        yield return new TestCaseData(Good with { Agent = Reading(13, 10, 2, "captured") }, "does not balance")
            .SetName("a frame is in flight for ever");
        yield return new TestCaseData(Good with { Agent = Reading(12, 10, 2, "pending") }, "0 of 1 pods").SetName("a pod is not captured");
        yield return new TestCaseData(Good with { FramesOnLinks = 12 }, "links counted 12").SetName("a frame was not seen");
        yield return new TestCaseData(Good with { Sensor = Seen with { Datagrams = 29 } }, "saw 29 datagrams; the agent says it sent 30")
            .SetName("a datagram did not arrive");
        yield return new TestCaseData(Good with { Sensor = Seen with { BadChecksums = 1 } }, "1 bad checksums inside")
            .SetName("an inner checksum is wrong");
        yield return new TestCaseData(Good with { Sensor = Seen with { BadOuterChecksums = 1 } }, "1 outside")
            .SetName("an outer checksum is wrong");
        yield return new TestCaseData(Good with { Sensor = Seen with { Oversize = 1 } }, "1 larger")
            .SetName("a packet is larger than the MTU");
        yield return new TestCaseData(Good with { Sensor = Seen with { Malformed = 1 } }, "1 malformed").SetName("a header is wrong");
        yield return new TestCaseData(Good with { Dial = Good.Dial with { Sensor = Seen with { Dropped = 1 } } }, "too slow")
            .SetName("the receiver dropped a frame");
        yield return new TestCaseData(Good with { Dial = Good.Dial with { After = Dialled(0) } }, "Of 0 frames 0 were delivered")
            .SetName("nothing was left out");
        yield return new TestCaseData(Good with { Dial = Good.Dial with { After = Dialled(5, inFlight: 1) } }, "balance any more")
            .SetName("a frame that was left out is not on the ledger");
        yield return new TestCaseData(Good with { Dial = Good.Dial with { Sensor = Seen with { Datagrams = 29 } } }, "29 datagrams in all")
            .SetName("a datagram of the rest did not arrive");
        yield return new TestCaseData(Good with { Connections = new([Lookup.Replace("resp_pod.name", "resp")]) }, "names both pods of 0")
            .SetName("a pod is not in the map");
        yield return new TestCaseData(Good with { Connections = new([Lookup.Replace("1389", "80")]) }, "LDAP lookup")
            .SetName("the lookup was not seen");
        yield return new TestCaseData(Good with { Connections = new([]) }, "saw 0 connections").SetName("tshark saw nothing");
        yield return new TestCaseData(Good with { AgentExit = null }, "did not end").SetName("the agent had to be killed");
        yield return new TestCaseData(Good with { AgentExit = 134 }, "exit code 134").SetName("the agent ended badly");
    }

    [Test]
    public void A_good_run_is_a_success() => Assert.That(Good.Findings().Where(finding => !finding.Good), Is.Empty);

    [TestCaseSource(nameof(Faults))]
    public void A_fault_is_found_and_named(DemoResult result, string words)
    {
        Assert.That(result.Succeeded, Is.False);
        Assert.That(result.Findings().Where(finding => !finding.Good).Select(finding => finding.Words), Has.One.Contains(words));
    }

    /// <summary>So many frames delivered, left out beyond a slice, and left out by a sample.</summary>
    private static AgentReading Dialled(long each, long inFlight = 0)
    {
        AgentReading reading = Reading(0, 0, 0, "captured");
        var losses = new Dictionary<string, long> { ["slice"] = each, ["sample"] = each };
        return reading with
        {
            Status = reading.Status with { Ledger = new((3 * each) + inFlight, each, inFlight, 30, 0, losses) },
        };
    }

    private static AgentReading Reading(long seen, long delivered, long lost, string state) => new(
        new StatusDocument("demo", "r", new("ready", "sniff", [], null),
            [
                new("shop", "api", "u", [], "demo", state, null, 100, []),
                new("shop", "other", "v", [], null, "not-selected", null, null, []),
            ],
            new(seen, delivered, seen - delivered - lost, 30, 0, new() { ["duplicate"] = lost }), [], []),
        new Dictionary<(string, string), PodCounts>());
}
