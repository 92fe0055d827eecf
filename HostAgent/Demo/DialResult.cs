using HostAgent.Lab;
using HostAgent.Observability;

namespace HostAgent.Demo;

/// <summary>How it went on when the policy asked for less, while the agent ran (<see cref="DemoPolicy.Dialled"/>).</summary>
/// <param name="Before">The agent's last word under the policy before.</param>
/// <param name="After">Its last word under the new one, before it was told to end.</param>
/// <param name="Sensor">What the receiver had seen by then, from the start.</param>
internal sealed record DialResult(AgentReading Before, AgentReading After, SensorReport Sensor)
{
    /// <summary>What the policy leaves out, and copies, which the sensor has from another link.</summary>
    private static readonly string[] AskedFor = ["slice", "sample", "duplicate"];

    public long Seen => After.Ledger.Seen - Before.Ledger.Seen;

    public long Delivered => After.Ledger.Delivered - Before.Ledger.Delivered;

    public IEnumerable<(bool Good, string Words)> Findings()
    {
        long sliced = Lost("slice"), sampled = Lost("sample");
        yield return (Delivered > 0 && sliced > 0 && sampled > 0,
            $"Then the policy asked for less, while the agent ran: of shop the first 64 KiB of each flow, of web every fourth flow. "
            + $"Of {Seen:N0} frames {Delivered:N0} were delivered, {sliced:N0} left out beyond their flow's slice, "
            + $"{sampled:N0} outside the sample; {Lost("duplicate"):N0} were copies.");
        string[] others = [.. After.Ledger.Losses.Keys.Except(AskedFor).Where(reason => Lost(reason) > 0)];
        yield return (true, others.Length == 0
            ? "Nothing else was lost."
            : $"Beside that was lost: {string.Join(", ", others.Select(reason => $"{reason} {Lost(reason):N0}"))}.");
        yield return After.Balances ? (true, "The ledger still balances.") : (false, $"The ledger does not balance any more: {After}.");
        yield return Sensor.Datagrams == After.Ledger.Segments
            ? (true, $"The sensor has {Sensor.Datagrams:N0} datagrams in all, still exactly as many as were sent.")
            : (false, $"The sensor has {Sensor.Datagrams:N0} datagrams in all; the agent says it sent {After.Ledger.Segments:N0}.");
    }

    public long Lost(string reason) => After.Ledger.Losses.GetValueOrDefault(reason) - Before.Ledger.Losses.GetValueOrDefault(reason);
}
