using System.Diagnostics;
using HostAgent.Lab;
using HostAgent.Tests.Network;
using HostAgent.Tests.Tunnel;

namespace HostAgent.Tests.Tap;

/// <summary>A node with two pods and a sensor, and what is asked of a tap's file and of the agent's record.</summary>
internal abstract class TapFixture
{
    /// <summary>The port of the datagrams that are tapped.</summary>
    protected const int Talk = 7002;

    protected NodeNetwork Node { get; private set; } = null!;

    protected PodNetwork Api { get; private set; } = null!;

    protected PodNetwork Db { get; private set; } = null!;

    protected PodNetwork Sensor { get; private set; } = null!;

    [SetUp]
    public void Build()
    {
        Require.Program("capinfos", "tshark");
        Node = TestNode.Create();
        (Api, Db, Sensor) = (Node.AddRouted("api"), Node.AddRouted("db"), Node.AddRouted("sensor", 9000));
    }

    [TearDown]
    public void Remove() => Node.Dispose();

    /// <summary>What the agent has on record of taps.</summary>
    protected static string[] Audit(AgentOnNode agent) =>
        [.. agent.Log.Split('\n').Where(line => line.Contains("] Tap ", StringComparison.Ordinal))];

    /// <summary>The frames of a file that is whole, by capinfos's and tshark's word.</summary>
    protected static async Task<IReadOnlyList<DecodedFrame>> ReadAsync(string file)
    {
        foreach (string[] command in (string[][])[["capinfos", file], ["tshark", "-n", "-r", file]])
        {
            // tshark warns of running as root where it may not.
            ProgramRun run = HostTool.RunToEnd(new ProcessStartInfo(command[0], command[1..]));
            Assert.That((run.Code, run.Errors.Replace("Running as user \"root\" and group \"root\". This could be dangerous.\n", "")),
                Is.EqualTo(((int?)0, "")), run.Output);
        }

        // The judge's own reader knows pcap only.
        HostTool.Run("editcap", "-F", "nsecpcap", file, file + ".converted");
        return await Tshark.DecodeAsync(file + ".converted");
    }

    /// <summary>An agent that mirrors both pods.</summary>
    protected AgentOnNode Agent() => Agent(("shop", Db));

    /// <param name="db">In which namespace the second pod is.</param>
    protected AgentOnNode Agent((string Namespace, PodNetwork Pod) db) =>
        new(Node, AgentFiles.Selected, ("shop", Api), db, ("security", Sensor));
}
