namespace HostAgent.Bench.Sensors;

/// <summary>What a sensor has received since it was last told to start anew.</summary>
/// <param name="Datagrams">VXLAN datagrams that came whole.</param>
/// <param name="TcpPayload">Bytes of TCP payload in their frames.</param>
/// <param name="Marked">The benchmark's own UDP datagrams among their frames.</param>
/// <param name="Fragments">IP fragments, which a sniffing sensor does not put together.</param>
/// <param name="Oversize">Datagrams larger than the link's MTU.</param>
/// <param name="BadChecksums">Frames with a wrong checksum, or lengths that contradict each other; only when told to verify.</param>
/// <param name="BadOuterChecksums">Datagrams whose own checksum is wrong; only when told to verify, and when sniffing.</param>
/// <param name="Duplicates">Frames that repeat one seen shortly before; only when told to verify.</param>
/// <param name="Dropped">What the sensor itself was too slow for; for a sniffer only.</param>
/// <param name="P50">Median age of the marked datagrams on arrival at the sensor, in microseconds; null without any.</param>
/// <param name="P99">The same, 99th percentile.</param>
internal sealed record SensorCounts(
    long Datagrams, long TcpPayload, long Marked, long Fragments, long Oversize, long BadChecksums, long BadOuterChecksums, long Duplicates,
    long Dropped, double? P50, double? P99);
