using System.Collections.Immutable;
using System.Net;
using System.Text;
using System.Text.Json;
using HostAgent.Policy;

namespace HostAgent.Cluster;

/// <summary>
/// The addresses in a pod's annotation k8s.v1.cni.cncf.io/network-status (Network Plumbing Working Group, de-facto standard 1.3, 6):
/// a JSON list of interfaces, each with ips. Whoever may edit the pod may write anything there, so what is not understood is left out.
/// </summary>
internal static class NetworkStatus
{
    /// <summary>Some hundred interfaces; a longer text is left alone.</summary>
    private const int Longest = 64 * 1024;

    /// <summary>Some ten interfaces of both families. What is looked for has its price, so one pod does not ask for more.</summary>
    private const int Most = 32;

    public static ImmutableArray<IPAddress> Read(string? annotation, ImmutableArray<IPAddress> known)
    {
        if (string.IsNullOrEmpty(annotation) || annotation.Length > Longest) return [];
        ImmutableArray<IPAddress>.Builder found = ImmutableArray.CreateBuilder<IPAddress>();
        try
        {
            var json = new Utf8JsonReader(Encoding.UTF8.GetBytes(annotation));
            var ignored = new ObjectFault();
            json.Read();
            if (!JsonFields.Enter(ref json, ref ignored, "", JsonTokenType.StartArray)) return [];
            while (JsonFields.NextItem(ref json)) ReadInterface(ref json, ref ignored, known, found);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return [];
        }

        return found.DrainToImmutable();
    }

    private static void ReadInterface(
        ref Utf8JsonReader json, ref ObjectFault ignored, ImmutableArray<IPAddress> known, ImmutableArray<IPAddress>.Builder found)
    {
        if (!JsonFields.Enter(ref json, ref ignored, "")) return;
        while (JsonFields.NextProperty(ref json))
        {
            bool isIps = json.ValueTextEquals("ips"u8);
            json.Read();
            if (!isIps || !JsonFields.Enter(ref json, ref ignored, "", JsonTokenType.StartArray))
            {
                json.Skip();
                continue;
            }

            while (JsonFields.NextItem(ref json))
            {
                IPAddress? ip = IpText.Parse(JsonFields.Text(ref json, ref ignored, ""));
                // A link-local address tells no pod from another: it may be had on every link.
                if (ip is null || ip.IsIPv6LinkLocal || known.Contains(ip) || found.Contains(ip) || found.Count == Most) continue;
                found.Add(ip);
            }
        }
    }
}
