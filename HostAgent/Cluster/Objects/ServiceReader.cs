using System.Collections.Immutable;
using System.Net;
using System.Text.Json;
using HostAgent.Policy;

namespace HostAgent.Cluster;

/// <summary>Reads one core/v1 Service into the little that the agent keeps.</summary>
public static class ServiceReader
{
    /// <inheritdoc cref="PodReader.Read"/>
    public static Service Read(ref Utf8JsonReader json) => Read(ref json, byHand: false);

    /// <inheritdoc cref="PodReader.ReadFromFile"/>
    internal static Service ReadFromFile(ref Utf8JsonReader json) => Read(ref json, byHand: true);

    private static Service Read(ref Utf8JsonReader json, bool byHand)
    {
        var fault = new ObjectFault();
        var meta = new ObjectMeta();
        ImmutableArray<IPAddress> ips = [];
        try
        {
            if (JsonFields.Enter(ref json, ref fault, "it"))
            {
                while (JsonFields.NextProperty(ref json))
                {
                    if (json.ValueTextEquals("metadata"u8)) meta.Read(ref json, ref fault);
                    else if (json.ValueTextEquals("spec"u8)) ips = ReadSpec(ref json, ref fault);
                    else JsonFields.SkipValue(ref json);
                }
            }
        }
        catch (InvalidOperationException)
        {
            fault.Set("text", "is not valid Unicode");
        }

        if (byHand) meta.DeriveUid(namespaced: true);
        meta.Require(ref fault, namespaced: true);
        fault.ThrowIfSet(meta.Subject("service"));
        return new Service
        {
            Uid = meta.Uid!,
            Namespace = meta.Namespace!,
            Name = meta.Name!,
            Labels = meta.Labels,
            ClusterIps = ips,
        };
    }

    /// <summary>Headless services say "None", others of no cluster IP an empty text: neither is an address.</summary>
    private static ImmutableArray<IPAddress> ReadSpec(ref Utf8JsonReader json, ref ObjectFault fault)
    {
        json.Read();
        if (!JsonFields.Enter(ref json, ref fault, "spec")) return [];
        IPAddress? single = null;
        ImmutableArray<IPAddress>.Builder all = ImmutableArray.CreateBuilder<IPAddress>();
        while (JsonFields.NextProperty(ref json))
        {
            bool isSingle = json.ValueTextEquals("clusterIP"u8), isAll = json.ValueTextEquals("clusterIPs"u8);
            json.Read();
            if (isSingle)
            {
                single = IpText.Parse(JsonFields.Text(ref json, ref fault, "spec.clusterIP"));
            }
            else if (isAll && JsonFields.Enter(ref json, ref fault, "spec.clusterIPs", JsonTokenType.StartArray))
            {
                while (JsonFields.NextItem(ref json))
                {
                    IPAddress? ip = IpText.Parse(JsonFields.Text(ref json, ref fault, "spec.clusterIPs"));
                    if (ip is not null && !all.Contains(ip)) all.Add(ip);
                }
            }
            else
            {
                // What was entered and is no list has been passed over already.
                json.Skip();
            }
        }

        return all.Count > 0 ? all.DrainToImmutable() : single is null ? [] : [single];
    }
}
