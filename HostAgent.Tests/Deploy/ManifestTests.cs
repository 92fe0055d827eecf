using System.Text;
using System.Text.RegularExpressions;
using HostAgent.Configuration;
using YamlDotNet.RepresentationModel;
using YamlNode = YamlDotNet.RepresentationModel.YamlNode;

namespace HostAgent.Tests.Deploy;

/// <summary>What the repository tells operators to apply is what the program takes.</summary>
public sealed partial class ManifestTests
{
    private static string Root { get; } = Above(TestContext.CurrentContext.TestDirectory);

    [Test]
    public void The_policy_of_the_manifest_is_valid() =>
        Assert.That(PolicyReader.Read(Encoding.UTF8.GetBytes(Text(Only("ConfigMap"), "data", "policy.yaml"))).Errors, Is.Empty);

    [Test]
    public void The_policy_of_the_README_is_valid()
    {
        string[] policies = [.. Fenced().Matches(File.ReadAllText(Path.Combine(Root, "README.md"))).Select(match => match.Groups[1].Value)];
        Assert.That(policies, Has.Length.EqualTo(1));
        Assert.That(PolicyReader.Read(Encoding.UTF8.GetBytes(policies[0])).Errors, Is.Empty);
    }

    [Test]
    public async Task The_container_starts_the_program_as_the_program_expects()
    {
        YamlNode container = Node(Only("DaemonSet"), "spec", "template", "spec", "containers")[0];
        var environment = new Dictionary<string, string> { ["HOST_IP"] = "192.0.2.7", ["NODE_NAME"] = "node-7" };
        foreach (YamlNode variable in (YamlSequenceNode)container["env"])
        {
            if (((YamlMappingNode)variable).Children.TryGetValue("value", out YamlNode? value))
                environment[variable["name"].ToString()] = value.ToString().Replace("$(HOST_IP)", environment["HOST_IP"], StringComparison.Ordinal);
        }

        AgentOptions? given = null;
        using var output = new StringWriter();
        var handlers = new CommandHandlers
        {
            Run = (options, _) =>
            {
                given = options;
                return Task.FromResult(0);
            },
        };
        string[] arguments = [.. ((YamlSequenceNode)container["args"]).Select(argument => argument.ToString())];
        int code = await new AgentCommandLine(name => environment.GetValueOrDefault(name)).InvokeAsync(arguments, handlers, output, output, isRoot: true);
        Assert.That(code, Is.Zero, output.ToString());
        Assert.That((given!.NodeName, given.PolicyFile, given.ClusterFile), Is.EqualTo(("node-7", "/etc/host-agent/policy.yaml", (string?)null)));
        Assert.That(given.Listen.Select(address => address.ToString()), Is.EqualTo(new[] { "192.0.2.7:9460", "127.0.0.1:9460" }));
        Assert.That(Text(container, "livenessProbe", "httpGet", "host"), Is.EqualTo("127.0.0.1"));
    }

    [Test]
    public void It_asks_for_NET_RAW_and_nothing_more()
    {
        YamlNode pod = Node(Only("DaemonSet"), "spec", "template", "spec");
        YamlNode security = Node(pod, "containers")[0]["securityContext"];
        Assert.That(security["capabilities"]["add"].ToString(), Is.EqualTo("[ NET_RAW ]"));
        Assert.That(security["capabilities"]["drop"].ToString(), Is.EqualTo("[ ALL ]"));
        Assert.That((Text(security, "privileged"), Text(security, "allowPrivilegeEscalation"), Text(security, "readOnlyRootFilesystem")), Is.EqualTo(("false", "false", "true")));
        Assert.That(((YamlSequenceNode)pod["volumes"]).Select(volume => volume.ToString()), Has.None.Contains("hostPath"));
        Assert.That(((YamlSequenceNode)Only("ClusterRole")["rules"]).Select(rule => rule["verbs"].ToString()), Is.All.EqualTo("[ list, watch ]"));
    }

    private static YamlNode Only(string kind)
    {
        var stream = new YamlStream();
        using StreamReader reader = File.OpenText(Path.Combine(Root, "daemonset.yaml"));
        stream.Load(reader);
        return stream.Documents.Select(document => document.RootNode).Single(node => Text(node, "kind") == kind);
    }

    private static YamlNode Node(YamlNode node, params string[] path) => path.Aggregate(node, (at, key) => at[key]);

    private static string Text(YamlNode node, params string[] path) => Node(node, path).ToString();

    private static string Above(string directory) =>
        File.Exists(Path.Combine(directory, "HostAgent.slnx")) ? directory : Above(Directory.GetParent(directory)!.FullName);

    [GeneratedRegex("```yaml\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Fenced();
}
