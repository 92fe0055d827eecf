using System.Net;
using System.Text;
using System.Text.Json;
using HostAgent.Cluster;

namespace HostAgent.Tests.Cluster;

internal sealed class PodReaderTests
{
    private const string Meta = "\"metadata\":{\"name\":\"p\",\"namespace\":\"a\",\"uid\":\"u\"}";

    [Test]
    public void What_the_agent_uses_is_read()
    {
        Pod pod = Read(KubectlText.PodJson);
        using (Assert.EnterMultipleScope())
        {
            Assert.That((pod.Uid, pod.Namespace, pod.Name, pod.NodeName), Is.EqualTo(("u1", "team-a", "api-0", "node-1")));
            Assert.That(pod.Labels, Is.EquivalentTo(new Dictionary<string, string> { ["app"] = "api", ["a.b/c"] = "" }));
            Assert.That(pod.Ips, Is.EqualTo(new[] { IPAddress.Parse("10.0.0.2"), IPAddress.Parse("fd00::2") }));
            Assert.That(pod.SecondaryIps, Is.EqualTo(new[] { IPAddress.Parse("192.168.7.2") }));
            Assert.That((pod.HostNetwork, pod.Phase, pod.Ready, pod.Terminating, pod.Finished),
                Is.EqualTo((false, PodPhase.Running, true, false, false)));
        }
    }

    [TestCase("\"status\":{\"podIP\":\"10.0.0.2\"}", "10.0.0.2")]
    [TestCase("\"status\":{\"podIP\":\"10.0.0.2\",\"podIPs\":null}", "10.0.0.2")]
    [TestCase("\"status\":{\"podIP\":\"10.0.0.2\",\"podIPs\":[]}", "10.0.0.2")]
    [TestCase("\"status\":{\"podIPs\":[{\"ip\":\"10.0.0.2\"},{\"ip\":\"10.0.0.2\"}]}", "10.0.0.2")]
    [TestCase("\"status\":{\"podIPs\":[{\"ip\":\"\"},{\"ip\":\"10.0.0.999\"},{\"ip\":\"0.0.0.0\"},{\"ip\":\"7\"},{},{\"ip\":\"fd00::2\"}]}",
        "fd00::2")]
    [TestCase("\"status\":{\"podIP\":\"not an address\"}", "")]
    [TestCase("\"status\":{}", "")]
    [TestCase("\"status\":null", "")]
    public void Addresses_are_podIPs_else_podIP_and_bad_ones_are_left_out(string status, string ips) =>
        Assert.That(string.Join(' ', Read($"{{{Meta},{status}}}").Ips), Is.EqualTo(ips));

    [TestCase("Pending", PodPhase.Pending, false)]
    [TestCase("Running", PodPhase.Running, false)]
    [TestCase("Succeeded", PodPhase.Succeeded, true)]
    [TestCase("Failed", PodPhase.Failed, true)]
    [TestCase("Unknown", PodPhase.Unknown, false)]
    [TestCase("New", PodPhase.Unknown, false)]
    public void Phases_are_those_of_core_v1(string text, PodPhase phase, bool finished)
    {
        Pod pod = Read($"{{{Meta},\"status\":{{\"phase\":\"{text}\"}}}}");
        Assert.That((pod.Phase, pod.Finished), Is.EqualTo((phase, finished)));
    }

    [TestCase("[{\"type\":\"Ready\",\"status\":\"True\"}]", true)]
    [TestCase("[{\"status\":\"True\",\"type\":\"Ready\"}]", true)]
    [TestCase("[{\"type\":\"Ready\",\"status\":\"False\"}]", false)]
    [TestCase("[{\"type\":\"Ready\",\"status\":\"Unknown\"}]", false)]
    [TestCase("[{\"type\":\"ContainersReady\",\"status\":\"True\"},{\"type\":\"Ready\",\"status\":\"False\"}]", false)]
    [TestCase("[]", false)]
    [TestCase("null", false)]
    public void Ready_is_the_condition_of_that_name(string conditions, bool ready) =>
        Assert.That(Read($"{{{Meta},\"status\":{{\"conditions\":{conditions}}}}}").Ready, Is.EqualTo(ready));

    [TestCase("{\"metadata\":{\"name\":\"p\",\"namespace\":\"a\"}}", "pod a/p", "metadata.uid")]
    [TestCase("{\"metadata\":{\"uid\":\"\",\"name\":\"p\",\"namespace\":\"a\"}}", "pod a/p", "metadata.uid")]
    [TestCase("{\"metadata\":{\"uid\":\"u\",\"namespace\":\"a\"}}", "pod a/without a name", "metadata.name")]
    [TestCase("{\"metadata\":{\"uid\":\"u\",\"name\":\"p\"}}", "pod p", "metadata.namespace")]
    [TestCase("{\"spec\":7," + Meta + "}", "pod a/p", "spec")]
    [TestCase("{\"spec\":{\"hostNetwork\":\"yes\"}," + Meta + "}", "pod a/p", "spec.hostNetwork")]
    [TestCase("{\"spec\":{\"nodeName\":{\"a\":[1]}}," + Meta + "}", "pod a/p", "spec.nodeName")]
    [TestCase("{\"status\":{\"podIPs\":\"10.0.0.2\"}," + Meta + "}", "pod a/p", "status.podIPs")]
    [TestCase("{\"status\":{\"conditions\":[7]}," + Meta + "}", "pod a/p", "status.conditions")]
    [TestCase("{\"metadata\":{\"labels\":{\"a\":[]},\"uid\":\"u\",\"name\":\"p\",\"namespace\":\"a\"}}", "pod a/p", "metadata.labels")]
    [TestCase("{\"metadata\":{\"uid\":\"u\",\"name\":\"p\\n\",\"namespace\":\"a\",\"labels\":7}}", "pod a/p\\u000a", "metadata.labels")]
    [TestCase("{\"metadata\":{\"uid\":\"u\",\"namespace\":\"a\",\"name\":\"\\ud800\"}}", "pod a/without a name", "text")]
    [TestCase("[]", "pod without a name", "it")]
    public void A_malformed_object_is_named_with_its_field(string json, string subject, string field)
    {
        MalformedObjectException e = Assert.Throws<MalformedObjectException>(() => Read(json))!;
        Assert.That((e.Subject, e.Field), Is.EqualTo((subject, field)));
    }

    [TestCase("7")]
    [TestCase("{}")]
    [TestCase("[[[")]
    [TestCase("[null,7,{\"ips\":7},{\"ips\":{\"a\":1}},{\"ips\":[7,null,{}]}]")]
    [TestCase("[{\"ips\":[\"10.0.0.2\",\"0.0.0.0\"]}]")]
    [TestCase("[{\"ips\":[\"fe80::1\"]}]")]
    public void A_network_status_that_says_nothing_new_gives_no_addresses(string annotation)
    {
        string json = KubectlText.PodJson.Replace(
            "[{\\\"ips\\\":[\\\"192.168.7.2\\\"]}]", JsonEncodedText.Encode(annotation).ToString(), StringComparison.Ordinal);
        Assert.That(Read(json).SecondaryIps, Is.Empty);
    }

    [Test]
    public void Of_a_network_status_only_so_many_addresses_are_kept()
    {
        string annotation = $"[{{\"ips\":[{string.Join(',', Enumerable.Range(1, 40).Select(i => $"\"10.9.0.{i}\""))}]}}]";
        string json = KubectlText.PodJson.Replace(
            "[{\\\"ips\\\":[\\\"192.168.7.2\\\"]}]", JsonEncodedText.Encode(annotation).ToString(), StringComparison.Ordinal);
        Assert.That(Read(json).SecondaryIps, Has.Length.EqualTo(32));
    }

    [Test]
    public void The_reader_stops_at_the_objects_end_even_when_it_is_malformed()
    {
        var reader = new Utf8JsonReader("[{\"metadata\":7,\"spec\":[{}]},8]"u8);
        reader.Read();
        reader.Read();
        try
        {
            PodReader.Read(ref reader);
        }
        catch (MalformedObjectException)
        {
        }

        reader.Read();
        Assert.That(reader.GetInt32(), Is.EqualTo(8));
    }

    [Test]
    public void Equality_is_by_content()
    {
        Pod pod = Read(KubectlText.PodJson);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Read(KubectlText.PodJson.Replace("\"12\"", "\"13\"", StringComparison.Ordinal)), Is.EqualTo(pod),
                "resourceVersion is not kept");
            Assert.That(pod with { Ready = false }, Is.Not.EqualTo(pod));
            Assert.That(pod with { Ips = [] }, Is.Not.EqualTo(pod));
            Assert.That(pod with { Labels = pod.Labels.SetItem("app", "db") }, Is.Not.EqualTo(pod));
        }
    }

    [Test]
    public void A_namespace_is_its_metadata()
    {
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(KubectlText.NamespaceJson));
        reader.Read();
        Namespace read = NamespaceReader.Read(ref reader);
        Assert.That((read.Uid, read.Name, read.Labels["mirror"]), Is.EqualTo(("n1", "team-a", "on")));
    }

    [TestCase(1)]
    [TestCase(2)]
    public void A_damaged_object_is_read_or_refused_by_name_or_as_no_json(int seed)
    {
        var random = new Random(seed);
        byte[] good = Encoding.UTF8.GetBytes(KubectlText.PodJson);
        int read = 0;
        int malformed = 0;
        for (int i = 0; i < 20_000; i++)
        {
            byte[] damaged = Mutation.Of(good, random, "{}[]:,\"\\0u.nt \xff"u8);
            try
            {
                Read(damaged);
                read++;
            }
            catch (MalformedObjectException)
            {
                malformed++;
            }
            catch (JsonException)
            {
            }
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(read, Is.GreaterThan(500));
            Assert.That(malformed, Is.GreaterThan(50));
        }
    }

    private static Pod Read(string json) => Read(Encoding.UTF8.GetBytes(json));

    private static Pod Read(byte[] json)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        return PodReader.Read(ref reader);
    }
}
