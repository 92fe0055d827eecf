namespace HostAgent.Observability;

/// <summary>What counts up all the time, for the page to make rates of.</summary>
/// <param name="At">Milliseconds since the Unix epoch.</param>
/// <param name="Ledger">As in /status.</param>
/// <param name="Pods">Those in scope: see <see cref="Accounts.PodTraffic"/>.</param>
internal sealed record PageCounts(long At, StatusDocument.LedgerPart Ledger, IEnumerable<PageCounts.CountPart> Pods)
{
    internal sealed record CountPart(string Uid, long Frames, long Bytes, long Lost);
}
