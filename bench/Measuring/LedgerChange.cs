using HostAgent.Lab;
using HostAgent.Observability;

namespace HostAgent.Bench.Measuring;

/// <summary>What the agent's ledger counted between two readings.</summary>
/// <param name="Seen">Frames captured.</param>
/// <param name="Delivered">Frames sent whole.</param>
/// <param name="Segments">Datagrams sent.</param>
/// <param name="Losses">Frames lost, by reason; only reasons that occurred.</param>
internal sealed record LedgerChange(long Seen, long Delivered, long Segments, IReadOnlyDictionary<string, long> Losses)
{
    public static LedgerChange Between(AgentReading before, AgentReading after)
    {
        StatusDocument.LedgerPart a = before.Ledger, b = after.Ledger;
        return new LedgerChange(b.Seen - a.Seen, b.Delivered - a.Delivered, b.Segments - a.Segments,
            b.Losses.Select(l => KeyValuePair.Create(l.Key, l.Value - a.Losses.GetValueOrDefault(l.Key)))
                .Where(l => l.Value != 0).ToDictionary());
    }
}
