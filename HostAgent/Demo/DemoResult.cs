using System.Text.Json;
using HostAgent.Lab;
using HostAgent.Observability;

namespace HostAgent.Demo;

/// <summary>How the demo ended.</summary>
/// <param name="Agent">The agent's last word while the policy asked for everything.</param>
/// <param name="Sensor">What the receiver had seen by then.</param>
/// <param name="FramesOnLinks">What the links' own counters say crossed them while captured.</param>
/// <param name="FramesSeen">What the agent says it saw in the same time.</param>
/// <param name="Dial">What came after that, under another policy.</param>
/// <param name="Connections">Then, what an independent sensor logs of a few connections, with the pods' names.</param>
/// <param name="AgentExit">Its exit code; null when it had to be killed.</param>
/// <param name="AgentEnding">How long it took to end after SIGTERM.</param>
internal sealed record DemoResult(
    AgentReading Agent, SensorReport Sensor, long FramesOnLinks, long FramesSeen, DialResult Dial, ConnLog Connections, int? AgentExit,
    TimeSpan AgentEnding)
{
    private StatusDocument.LedgerPart Ledger => Agent.Ledger;

    public bool Succeeded => Findings().All(finding => finding.Good);

    /// <summary>Each thing that must hold, in words, and whether it does.</summary>
    public IEnumerable<(bool Good, string Words)> Findings()
    {
        int inScope = Agent.InScope.Count(), captured = Agent.Captured.Count();
        yield return captured == inScope && inScope > 0
            ? (true, $"All {inScope} pods in scope were captured.")
            : (false, $"{captured} of {inScope} pods in scope were captured.");
        yield return FramesSeen == FramesOnLinks && FramesSeen > 0
            ? (true, $"The agent saw every one of the {FramesOnLinks:N0} frames that the pods' links counted.")
            : (false, $"The pods' links counted {FramesOnLinks:N0} frames, and the agent saw {FramesSeen:N0}.");
        string sum = $"seen {Ledger.Seen:N0} = delivered {Ledger.Delivered:N0} "
            + $"+ in flight {Ledger.InFlight:N0} + lost {Agent.Lost:N0} ({Agent.LossesInWords})";
        yield return Agent.Balances ? (true, $"The ledger balances: {sum}.") : (false, $"The ledger does not balance: {sum}.");
        yield return Sensor.Datagrams == Ledger.Segments
            ? (true, $"The sensor saw {Sensor.Datagrams:N0} datagrams, exactly as many as the agent says it sent.")
            : (false, $"The sensor saw {Sensor.Datagrams:N0} datagrams; the agent says it sent {Ledger.Segments:N0}.");
        yield return (Sensor is { BadChecksums: 0, BadOuterChecksums: 0, Oversize: 0, Malformed: 0 },
            $"Among them: {Sensor.BadChecksums:N0} bad checksums inside, {Sensor.BadOuterChecksums:N0} outside, "
            + $"{Sensor.Oversize:N0} larger than the link's MTU, {Sensor.Malformed:N0} malformed, {Sensor.Fragments:N0} fragments.");
        yield return (true, $"{Sensor.Duplicates:N0} frames came more than once.");
        foreach ((bool, string) finding in Dial.Findings()) yield return finding;
        foreach ((bool, string) finding in Connections.Findings()) yield return finding;
        if (Dial.Sensor.Dropped > 0)
        {
            yield return (false,
                $"The receiver itself was too slow for {Dial.Sensor.Dropped:N0} frames: this machine is too busy to judge.");
        }

        yield return AgentExit switch
        {
            0 => (true, $"The agent ended {AgentEnding.TotalSeconds:N1} s after SIGTERM."),
            null => (false, $"The agent did not end within {AgentEnding.TotalSeconds:N0} s of SIGTERM."),
            _ => (false, $"The agent ended {AgentEnding.TotalSeconds:N1} s after SIGTERM, with exit code {AgentExit}."),
        };
    }

    /// <summary>One object on one line.</summary>
    public string ToJson() => JsonSerializer.Serialize(DemoReport.From(Agent, Sensor, Dial, Connections), DemoJson.Default.DemoReport);
}
