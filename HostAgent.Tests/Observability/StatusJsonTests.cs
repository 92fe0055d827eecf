using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using HostAgent.Accounts;
using HostAgent.Deciding;
using HostAgent.Filters;
using HostAgent.Governing;
using HostAgent.Links;
using HostAgent.Observability;
using HostAgent.Policy;
using HostAgent.Sensors;

namespace HostAgent.Tests.Observability;

public sealed class StatusJsonTests
{
    private static readonly string Pods =
        """
        "pods":[{"namespace":"a","name":"p","uid":"u-p","ips":["10.0.0.2"],"rule":"payments","state":"captured","reason":null,
        "vni":100,"links":[{"name":"veth1","ifindex":7,"ip":"10.0.0.2","foundBy":"route","oneWay":false}]},
        {"namespace":"a","name":"q","uid":"u-q","ips":[],"rule":"payments","state":"pending","reason":"it has no address yet",
        "vni":100,"links":[]},
        {"namespace":"b","name":"h","uid":"u-h","ips":["192.0.2.1"],"rule":"rest","state":"unsupported",
        "reason":"it is on the host's network","vni":1,"links":[]},
        {"namespace":"c","name":"n","uid":"u-n","ips":["10.0.0.4"],"rule":null,"state":"not-selected","reason":"no rule selects it",
        "vni":null,"links":[]}]
        """.ReplaceLineEndings("");

    // Every reason is there, also at 0, in the order in which the ledger declares them.
    private static readonly string Losses = string.Join(
        ',', Enum.GetValues<LossReason>().Select(reason => $"\"{reason.Name()}\":{Example.Ledger.Lost(reason)}"));

    [Test]
    public void Status_is_the_contract_to_the_letter() => Assert.That(Json(Example.Status, Example.Ledger), Is.EqualTo(
        """{"node":"n","policyRevision":"0123456789ab","sensor":{"state":"ready","reads":"sniff","endpoints":["""
        + """{"address":"10.0.0.9","port":4789,"link":"veth9","mtu":1500}],"reason":null},"""
        + Pods
        + ""","ledger":{"seen":100,"delivered":90,"inFlight":3,"segments":120,"segmentsMerged":70,"losses":{"""
        + Losses
        + """}},"warnings":["two pods have one address"],"notes":["the sensor's link is narrow"]}"""));

    [Test]
    public void Losses_carry_their_stable_names() => Assert.That(Losses,
        Does.StartWith("\"kernel_ring\":4,\"no_sensor\":1,").And.Contain(",\"malformed\":2,").And.Contain("\"duplicate\":0"));

    [Test]
    public void Check_has_no_ledger() => Assert.That(Json(
            Example.Status with
            {
                Sensor = new SensorStatus(SensorState.Refused, SensorReads.Socket, [], "10.9.9.9 is not on this host"),
                Warnings = [],
                Notes = [],
            },
            null),
        Is.EqualTo("""{"node":"n","policyRevision":"0123456789ab","sensor":{"state":"refused","reads":"socket","endpoints":[]"""
            + ""","reason":"10.9.9.9 is not on this host"},"""
            + Pods + ""","warnings":[],"notes":[]}"""));

    [Test]
    public void A_filter_is_named_at_the_end() => Assert.That(Json(Example.Status with { Filter = "tcp port 80" }, null), Does.EndWith(
        ""","notes":["the sensor's link is narrow"],"filter":"tcp port 80"}"""));

    [Test]
    public void A_pod_says_how_much_of_it_is_mirrored_where_that_is_not_all()
    {
        PodCoverage pod = Example.Status.Pods[0];
        var traffic = new RuleTraffic(new SampleShare(1, 8), MirrorPriority.High) { Slice = 65_536, Rate = new(200_000_000, false) };
        AgentStatus status = Example.Status with { Pods = [pod with { Rule = pod.Rule! with { Traffic = traffic } }] };
        Assert.That(Json(status, null), Does.Contain(
            "\"oneWay\":false}],\"sample\":\"1/8\",\"priority\":\"high\",\"slice\":\"64KiB\",\"rate\":\"200Mbit\"}],"));
    }

    [Test]
    public void The_governor_says_its_level_why_and_since_when() => Assert.That(
        Json(Example.Status with { Governor = Example.Governor }, null),
        Does.EndWith(""","governor":{"level":2,"name":"slice-low","reason":"the agent uses 740m" """.TrimEnd()
            + ""","since":"2026-01-02T02:04:05Z","budgetCpu":"500m","cpuUsed":"123m"}}"""));

    [Test]
    public void Check_knows_of_the_governor_its_budget_only() => Assert.That(
        Json(Example.Status with { Governor = new GovernorStatus(Example.Governor.Budget) }, null),
        Does.EndWith(""","governor":{"budgetCpu":"500m"}}"""));

    [TestCase(GovernorLevel.SliceLow, "\"priority\":\"low\",\"effective\":{\"slice\":65536}}")]
    [TestCase(GovernorLevel.SampleLow, "\"priority\":\"low\"}")]
    public void A_pod_says_what_the_governor_leaves_where_that_is_less(GovernorLevel level, string end)
    {
        PodCoverage pod = Example.Status.Pods[0];
        var traffic = new RuleTraffic(new SampleShare(1, 16), MirrorPriority.Low);
        AgentStatus status = Example.Status with
        {
            Pods = [pod with { Rule = pod.Rule! with { Traffic = traffic } }],
            Governor = Example.Governor with { Level = level },
        };
        Assert.That(Json(status, null), Does.Contain($"\"sample\":\"1/16\",{end}],"));
        traffic = traffic with { Sample = SampleShare.Whole };
        status = status with { Pods = [pod with { Rule = pod.Rule! with { Traffic = traffic } }] };
        Assert.That(Json(status, null), Does.Contain("\"effective\":{\"sample\":\"1/8\""));
    }

    [Test]
    public void A_pod_says_which_frames_are_wanted_and_about_how_many_were_not()
    {
        PodCoverage pod = Example.Status.Pods[0];
        RuleTraffic traffic = RuleTraffic.All with { Filter = FrameFilter.Compile("tcp port 443"), Always = FrameFilter.Compile("icmp") };
        AgentStatus status = Example.Status with
        {
            Pods = [pod with { Rule = pod.Rule! with { Traffic = traffic } }],
            RejectedEstimates = ImmutableDictionary<string, long>.Empty.Add("u-p", 12),
        };
        Assert.That(Json(status, null),
            Does.Contain("\"oneWay\":false}],\"filter\":\"tcp port 443\",\"always\":\"icmp\",\"rejectedEstimate\":12}],"));
        Assert.That(CoverageTable.Of(status).ToPlainText(), Does.Contain(
            "Rule payments: 1/1 of its pods' flows, priority normal, only frames that match: tcp port 443, "
            + "always frames that match: icmp."));
    }

    [Test]
    public void The_sensor_has_the_canaries_VNI_where_some_are_sent()
    {
        AgentStatus status = Example.Status with { CanaryVni = 77 };
        Assert.That(Json(status, null), Does.Contain("\"mtu\":1500}],\"reason\":null,\"canaryVni\":77},"));
        Assert.That(CoverageTable.Of(status).ToPlainText(), Does.Contain("A canary goes to it twice a minute, with VNI 77."));
    }

    private static string Json(AgentStatus status, LedgerSnapshot? ledger)
    {
        var buffer = new ArrayBufferWriter<byte>();
        StatusJson.Write(buffer, status, ledger);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
