using System.Net;
using System.Text.Json.Serialization;

namespace HostAgent.Bench.Traffic;

/// <summary>What a load process is to do.</summary>
/// <param name="Kind">Which load.</param>
/// <param name="Address">Of the receiving end.</param>
/// <param name="Rate">Bytes, datagrams or transactions a second; 0 for as fast as it goes.</param>
/// <param name="Seconds">For how long.</param>
internal sealed record LoadOrder(LoadKind Kind, string Address, double Rate, double Seconds)
{
    [JsonIgnore]
    public IPAddress Target => IPAddress.Parse(Address);
}
