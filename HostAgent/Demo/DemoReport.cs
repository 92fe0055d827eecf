using HostAgent.Lab;
using HostAgent.Observability;

namespace HostAgent.Demo;

/// <summary>The JSON of <c>demo --output json</c>. Names and their order are a contract with scripts.</summary>
internal sealed record DemoReport(
    int Pods, int Captured, long Seen, long Delivered, long Segments, Dictionary<string, long> Losses,
    bool Balanced, DemoReport.ReceiverPart Sensor, DemoReport.DialPart Dial, int? Connections)
{
    public static DemoReport From(AgentReading agent, SensorReport sensor, DialResult dial, ConnLog connections)
    {
        StatusDocument.LedgerPart ledger = agent.Ledger;
        return new(
            agent.InScope.Count(), agent.Captured.Count(), ledger.Seen, ledger.Delivered, ledger.Segments, ledger.Losses, agent.Balances,
            new(sensor.Frames, sensor.BadChecksums, sensor.BadOuterChecksums, sensor.Duplicates, sensor.Oversize, sensor.Fragments),
            new(dial.Seen, dial.Delivered, dial.Lost("slice"), dial.Lost("sample"), dial.After.Balances),
            connections.Lines?.Count);
    }

    internal sealed record ReceiverPart(
        long Frames, long BadChecksums, long BadOuterChecksums, long Duplicates, long Oversize, long Fragments);

    internal sealed record DialPart(long Seen, long Delivered, long Slice, long Sample, bool Balanced);
}
