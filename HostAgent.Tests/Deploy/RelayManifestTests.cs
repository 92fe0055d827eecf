using System.Net;
using System.Text;
using HostAgent.Commands;
using HostAgent.Policy;
using YamlDotNet.RepresentationModel;
using static HostAgent.Tests.Deploy.ManifestTests;
using YamlNode = YamlDotNet.RepresentationModel.YamlNode;

namespace HostAgent.Tests.Deploy;

/// <summary>The overlay for a sensor of all nodes: its two ends go together, and neither has more rights than it needs.</summary>
internal sealed class RelayManifestTests
{
    private static YamlNode Deployment => Only("relay.yaml");

    private static YamlNode Pod => Node(Deployment, "spec", "template", "spec");

    private static YamlNode Service => Only("service.yaml");

    private static SensorPolicy Sensor
    {
        get
        {
            PolicyResult read = PolicyReader.Read(Encoding.UTF8.GetBytes(Text(Only("policy.yaml"), "data", "policy.yaml")));
            Assert.That(read.Errors, Is.Empty);
            return read.Policy!.Sensor;
        }
    }

    [Test]
    public void Agents_send_to_the_service_of_the_relay_and_know_it_by_its_name()
    {
        SensorPolicy sensor = Sensor;
        YamlNode port = ((YamlSequenceNode)Node(Service, "spec", "ports")).Single();
        Assert.That((sensor.Address!.ToString(), $"{sensor.Port}"), Is.EqualTo((Text(Service, "spec", "clusterIP"), Text(port, "port"))));
        Assert.That(Text(Service, "spec", "selector"), Is.EqualTo(Text(Deployment, "spec", "template", "metadata", "labels")));
        string space = Text(Service, "metadata", "namespace");
        Assert.That(sensor.OffHost!.ServerName, Is.EqualTo($"{Text(Service, "metadata", "name")}.{space}.svc"));
        YamlNode[] certificates =
            [.. Objects("deploy/relay/certificates.yaml").Where(one => Text(one, "kind") == "Certificate")];
        YamlNode relay = certificates.Single(one => Text(one, "metadata", "namespace") == space);
        Assert.That(Text(relay, "spec", "dnsNames"), Is.EqualTo($"[ {sensor.OffHost.ServerName} ]"));
        Assert.That(Text(relay, "spec", "secretName"), Is.EqualTo(Secret(Pod)));
        YamlNode agent = certificates.Single(one => Text(one, "metadata", "namespace") == "host-agent");
        Assert.That(Text(agent, "spec", "secretName"), Is.EqualTo(Secret(AgentPod)));
    }

    [Test]
    public void The_agent_reads_its_certificate_where_it_is_mounted()
    {
        string mounted = Mount(Node(AgentPod, "containers")[0], "tls");
        OffHostTls tls = Sensor.OffHost!;
        Assert.That((tls.Authority, tls.Certificate, tls.Key),
            Is.EqualTo(($"{mounted}/ca.crt", $"{mounted}/tls.crt", $"{mounted}/tls.key")));
    }

    [Test]
    public async Task The_relay_starts_as_the_program_expects()
    {
        YamlNode container = Node(Pod, "containers")[0];
        string[] arguments = [.. ((YamlSequenceNode)container["args"]).Select(
            argument => argument.ToString().Replace("$(POD_IP)", "10.0.0.7", StringComparison.Ordinal))];
        ReceiveOptions? given = null;
        using var output = new StringWriter();
        var handlers = new CommandHandlers
        {
            Receive = (options, _) =>
            {
                given = options;
                return Task.FromResult(0);
            },
        };
        int code = await new AgentCommandLine(_ => null).InvokeAsync(arguments, handlers, output, output, isRoot: false);
        Assert.That(code, Is.Zero, output.ToString());
        string tls = Mount(container, "tls"), port = Text(((YamlSequenceNode)container["ports"]).Single(), "containerPort");
        var listen = IPEndPoint.Parse($"10.0.0.7:{port}");
        var expected = new ReceiveOptions(listen, $"{tls}/ca.crt", $"{tls}/tls.crt", $"{tls}/tls.key") { ToFile = "/stream/frames" };
        Assert.That(given, Is.EqualTo(expected));
        YamlNode open = ((YamlSequenceNode)Node(Only("networkpolicy.yaml"), "spec", "ingress")).Single()["ports"][0];
        Assert.That(Text(open, "port"), Is.EqualTo(port));
    }

    [Test]
    public void Nothing_in_the_relays_pod_is_privileged()
    {
        Assert.That((Text(Pod, "securityContext", "runAsNonRoot"), Text(Pod, "automountServiceAccountToken")),
            Is.EqualTo(("true", "false")));
        foreach (YamlNode container in ((YamlSequenceNode)Pod["containers"]).Concat((YamlSequenceNode)Pod["initContainers"]))
        {
            YamlNode security = container["securityContext"];
            Assert.That(security["capabilities"].ToString(), Is.EqualTo("{ { drop, [ ALL ] } }"));
            Assert.That((Text(security, "allowPrivilegeEscalation"), Text(security, "readOnlyRootFilesystem")),
                Is.EqualTo(("false", "true")));
        }

        Assert.That(Text(Only("networkpolicy.yaml"), "spec", "egress"), Is.EqualTo("[  ]").Or.EqualTo("[ ]"));
    }

    private static YamlNode AgentPod => Node(Only("daemonset.yaml"), "spec", "template", "spec");

    private static YamlNode Only(string file) => Objects($"deploy/relay/{file}").Single();

    private static string Secret(YamlNode pod) => Text(
        ((YamlSequenceNode)pod["volumes"]).Single(volume => Text(volume, "name") == "tls"), "secret", "secretName");

    private static string Mount(YamlNode container, string volume) => Text(
        ((YamlSequenceNode)container["volumeMounts"]).Single(mount => Text(mount, "name") == volume), "mountPath");
}
