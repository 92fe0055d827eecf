using System.Text.Json.Nodes;
using HostAgent.E2E.Acting;
using HostAgent.E2E.Judging;
using HostAgent.E2E.Running;
using NUnit.Framework.Interfaces;

namespace HostAgent.E2E.Tests;

/// <summary>
/// deploy/relay between two nodes: the captured pods on one, the relay on the other. Whatever was done to it, each record that the agent
/// has written is received or missing, and the sensor behind the relay has read those that were received.
/// </summary>
internal sealed class RelayTests
{
    // The kubelet brings a changed Secret to the node within about a minute; an agent that is refused tries again every 5 s.
    private const int UntilRenewed = 150;

    private readonly RelayAuthority _stranger = new("stranger-ca");
    private RelayAuthority _authority = new("relay-ca-1");
    private RelayDeployment _relay = null!;

    private static TestBed Bed => TestBed.Current;

    private static AgentOnNode Agent => Bed.Agent;

    [OneTimeSetUp]
    public void Apply()
    {
        if (Bed.OtherNode is not { } node) Assert.Ignore("needs two nodes");
        else _relay = new RelayDeployment(Bed, node);
        _authority.WriteRelay();
        _authority.WriteAgent(believed: _authority);
        _relay.Apply();
        // It says nothing of an agent that has written nothing.
        Wait.Until(60, () =>
        {
            SuitePods.WebRequest();
            return _relay.Sum.Written > 0 ? null : "no record is written";
        });
    }

    [OneTimeTearDown]
    public void Remove()
    {
        if (_relay is null) return;
        _relay.Delete();
        Bed.Deployment.Reset();
    }

    /// <summary>No test passes when the stream does not flow, or when a record is on nobody's account.</summary>
    [TearDown]
    public void Each_record_is_received_or_missing()
    {
        if (TestContext.CurrentContext.Result.Outcome.Status == TestStatus.Failed) return;
        AssertReady();
        Bed.Judgement.AssertCoverage();
        long before = Segments;
        for (int i = 0; i < 10; i++) SuitePods.WebRequest();
        Wait.Until(20, () => Segments > before + 50 ? null : "the agent writes nothing");
        // The relay says its sum every 10 s.
        Wait.Until(40, () => (Segments, _relay.Sum) is var (segments, sum) && segments == sum.Before + sum.Written
            ? null
            : $"the agent has written {segments}, the relay says {sum}");
        Wait.Until(20, () => (_relay.Read(), _relay.Sum) is var (read, sum) && read == sum.Received
            ? null
            : $"the sensor has read {read} packets of {sum}");
        TestContext.Out.WriteLine($"{_relay.Sum}");
    }

    [Test]
    public void Sensor_on_another_node_reads_what_the_pods_said()
    {
        AssertReady();
        RunningPod pod = _relay.Pod;
        Assert.That((string?)Kubectl.Get("pod", "-n", pod.Namespace, pod.Name)["spec"]!["nodeName"], Is.Not.EqualTo(Bed.Node));
        RelaySum before = _relay.Sum;
        SuitePods.Client.Exec("iperf3", "-c", SuitePods.Server.Ip, "-n", "20M", "-b", "100M");
        SuitePods.WebRequest();
        string request = $"src host {SuitePods.Client.Ip} and dst host {SuitePods.Server.Ip} and dst port 8080";
        Wait.Until(20, () => _relay.Read(request) > 0 ? null : "the sensor has not seen the client's request");
        // 20 MiB are 14,000 segments.
        Wait.Until(40, () => _relay.Sum.Received > before.Received + 10_000 ? null : $"the relay says {_relay.Sum}");
        Assert.That(_relay.Sum.Missing, Is.EqualTo(before.Missing));
    }

    [Test, Needs("CLUSTER=DIR")]
    public void Connection_cut_under_load_and_what_was_on_the_way_is_missing()
    {
        AssertReady();
        RelaySum before = _relay.Sum;
        using Command load = SuitePods.Client.StartExec("iperf3", "-c", SuitePods.Server.Ip, "-b", "20M", "-t", "15");
        _relay.Signal("STOP");
        try
        {
            // Until the way is full. What has reached the relay's socket is read after a reset, too.
            long first = Segments, last = 0;
            Wait.Until(20, () =>
            {
                long was = last;
                last = Segments;
                return last == was && last > first + 100 ? null : "the way to the relay is not full";
            });
            CutConnections();
        }
        finally
        {
            _relay.Signal("CONT");
        }

        Assert.That(load.Wait(Interruption.Token).Succeeded, "the pods' own connection");
        Wait.Until(40, () => _relay.Sum is var sum && sum.Missing > before.Missing && sum.Connections == before.Connections + 1
            ? null
            : $"the relay says {sum}, and before {before}");
    }

    [Test, Needs("CLUSTER=DIR")]
    public void Renewed_certificates_of_another_authority_are_taken_over_without_a_restart()
    {
        AssertReady();
        (int restarts, string pod, int connections) = (Restarts, _relay.Pod.Name, _relay.Sum.Connections);
        _authority = new RelayAuthority("relay-ca-2");
        _authority.WriteRelay();
        Renew(_authority.WriteAgent(believed: _authority));
        // The connection is from before, and goes on until something ends it. The next one needs that both ends have renewed theirs.
        CutConnections();
        Wait.Until(UntilRenewed, () => _relay.Sum.Connections == connections + 1
            ? null
            : $"there is no further connection: {SensorNow.ToJsonString()}");
        AssertReady();
        Assert.That((Restarts, _relay.Pod.Name), Is.EqualTo((restarts, pod)));
    }

    [Test, Needs("CLUSTER=DIR")]
    public void Wrong_authority_is_said_by_both_ends_and_mended_without_a_restart()
    {
        AssertReady();
        (int restarts, string pod) = (Restarts, _relay.Pod.Name);
        Renew(_authority.WriteAgent(believed: _stranger));
        CutConnections();
        const string Foreign = "its certificate DNS:relay.security.svc is not of the authority that is asked for";
        Wait.Until(30, () => ((string?)SensorNow["reason"])?.Contains($"is not trusted: {Foreign}", StringComparison.Ordinal) == true
            ? null
            : $"the agent says {SensorNow.ToJsonString()}");
        Wait.Until(30, () => _relay.Log.Contains($"does not accept this receiver: {Foreign}", StringComparison.Ordinal)
            ? null
            : $"the relay says {_relay.Log}");
        _authority.WriteAgent(believed: _authority);
        Wait.Until(UntilRenewed, () => Agent.MetricIsNot("hostagent_sensor_up", 1));
        Assert.That((Restarts, _relay.Pod.Name), Is.EqualTo((restarts, pod)));
    }

    [Test]
    public void Relay_away_and_what_was_said_meanwhile_is_lost_on_the_agents_ledger()
    {
        AssertReady();
        long lost = Lost;
        RelaySum before = _relay.Stop();
        Wait.Until(60, () =>
        {
            SuitePods.WebRequest();
            return Lost > lost ? null : "nothing was lost for want of a sensor";
        });
        _relay.Start();
        AssertReady();
        // In between is what was on the way when the one before ended; the pods said little then.
        Wait.Until(40, () => _relay.Sum.Before - before.Before - before.Written is >= 0 and < 20
            ? null
            : $"the relay before said {before}, this one says {_relay.Sum}");
    }

    private static JsonNode SensorNow => Agent.Status["sensor"]!;

    private static long Segments => (long)Agent.Status["ledger"]!["segments"]!;

    private static long Lost => (long)Agent.Status["ledger"]!["losses"]!["no_sensor"]!;

    private int Restarts => Bed.Deployment.Restarts + _relay.Restarts;

    private static void AssertReady() => Wait.Until(60, () => Agent.MetricIsNot("hostagent_sensor_up", 1) is { } wrong
        ? $"{wrong}: {SensorNow.ToJsonString()}"
        : null);

    /// <summary>Waits until the agent has the certificate that ends then.</summary>
    private static void Renew(long ends) => Wait.Until(
        UntilRenewed, () => Agent.MetricIsNot("hostagent_certificate_expiry_timestamp_seconds{use=\"sensor\"}", ends));

    /// <summary>Resets the agent's connection to the relay, as a firewall on the way may.</summary>
    private static void CutConnections() => Bed.Scripts!.Sh(Bed.Node, "ss", "-K", "dport", "=", ":57012");
}
