namespace HostAgent.Bench.Traffic;

/// <summary>What became of a load.</summary>
/// <param name="Sent">Datagrams sent, or transactions completed.</param>
/// <param name="Received">Datagrams that arrived.</param>
/// <param name="Bytes">Of TCP payload that arrived, both directions.</param>
/// <param name="Seconds">What it took.</param>
internal sealed record LoadResult(long Sent, long Received, long Bytes, double Seconds);
