using System.Text.Json;

namespace HostAgent.Lab;

/// <summary>What the demo's receiver has seen on its link.</summary>
/// <param name="Datagrams">VXLAN datagrams, those that came as fragments included.</param>
/// <param name="Frames">Frames carried by those that came whole.</param>
/// <param name="BadChecksums">Frames with a wrong IP, TCP, UDP or ICMP checksum.</param>
/// <param name="BadOuterChecksums">Datagrams whose own IP or UDP checksum is wrong.</param>
/// <param name="Duplicates">
/// Frames that repeat one seen shortly before. That counts a TCP segment over IPv6, too, that its sender repeats within the millisecond of
/// its timestamp option: nothing tells it from a copy, since IPv6 has no packet id.
/// </param>
/// <param name="Oversize">Packets larger than the link's MTU.</param>
/// <param name="Fragments">IP fragments.</param>
/// <param name="Malformed">Datagrams or frames whose lengths contradict each other, or a VXLAN header that is not RFC 7348's.</param>
/// <param name="Dropped">Frames that the receiver itself was too slow for.</param>
internal sealed record SensorReport(
    long Datagrams, long Frames, long BadChecksums, long BadOuterChecksums, long Duplicates, long Oversize,
    long Fragments, long Malformed, long Dropped)
{
    public static SensorReport Empty { get; } = new(0, 0, 0, 0, 0, 0, 0, 0, 0);

    public string ToJson() => JsonSerializer.Serialize(this, LabJson.Default.SensorReport);

    public static SensorReport FromJson(string json) =>
        JsonSerializer.Deserialize(json, LabJson.Default.SensorReport) ?? throw new JsonException("the receiver's report is empty");
}
