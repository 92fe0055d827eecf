using System.Collections.Immutable;
using System.Net;
using System.Text.Json;

namespace HostAgent.Cluster;

/// <summary>Reads one core/v1 Pod into the little that the agent keeps; the rest is passed over without becoming objects.</summary>
public static class PodReader
{
    /// <param name="json">On the object's first token; afterwards on its last.</param>
    /// <exception cref="MalformedObjectException">A field that is needed is missing or of the wrong type. Bad addresses are left out
    /// instead.</exception>
    /// <exception cref="JsonException">It is not JSON. The reader stands somewhere inside.</exception>
    public static Pod Read(ref Utf8JsonReader json)
    {
        var fault = new ObjectFault();
        return ReadDraft(ref json, ref fault).ToPod(ref fault);
    }

    /// <summary>
    /// As <see cref="Read"/>, of a pod in a file, which somebody may have written by hand: what can be told without it may be missing, and
    /// a bad address is a fault like any other.
    /// </summary>
    /// <param name="json">On the object's first token; afterwards on its last.</param>
    /// <param name="nodeName">The node of a pod that names none.</param>
    internal static Pod ReadFromFile(ref Utf8JsonReader json, string nodeName)
    {
        var fault = new ObjectFault();
        PodDraft draft = ReadDraft(ref json, ref fault);
        draft.Complete(nodeName, ref fault);
        return draft.ToPod(ref fault);
    }

    private static PodDraft ReadDraft(ref Utf8JsonReader json, ref ObjectFault fault)
    {
        var draft = new PodDraft();
        try
        {
            ReadPod(ref json, ref draft, ref fault);
        }
        catch (InvalidOperationException)
        {
            fault.Set("text", "is not valid Unicode");
        }

        return draft;
    }

    private static void ReadPod(ref Utf8JsonReader json, ref PodDraft draft, ref ObjectFault fault)
    {
        if (!JsonFields.Enter(ref json, ref fault, "it")) return;
        while (JsonFields.NextProperty(ref json))
        {
            if (json.ValueTextEquals("metadata"u8)) draft.Meta.Read(ref json, ref fault);
            else if (json.ValueTextEquals("spec"u8)) ReadSpec(ref json, ref draft, ref fault);
            else if (json.ValueTextEquals("status"u8)) ReadStatus(ref json, ref draft, ref fault);
            else JsonFields.SkipValue(ref json);
        }
    }

    private static void ReadSpec(ref Utf8JsonReader json, ref PodDraft draft, ref ObjectFault fault)
    {
        json.Read();
        if (!JsonFields.Enter(ref json, ref fault, "spec")) return;
        while (JsonFields.NextProperty(ref json))
        {
            if (json.ValueTextEquals("nodeName"u8))
            {
                json.Read();
                draft.NodeName = JsonFields.Text(ref json, ref fault, "spec.nodeName") ?? "";
            }
            else if (json.ValueTextEquals("hostNetwork"u8))
            {
                json.Read();
                draft.HostNetwork = JsonFields.Boolean(ref json, ref fault, "spec.hostNetwork");
            }
            else
            {
                JsonFields.SkipValue(ref json);
            }
        }
    }

    private static void ReadStatus(ref Utf8JsonReader json, ref PodDraft draft, ref ObjectFault fault)
    {
        json.Read();
        if (!JsonFields.Enter(ref json, ref fault, "status")) return;
        while (JsonFields.NextProperty(ref json))
        {
            if (json.ValueTextEquals("phase"u8))
            {
                json.Read();
                draft.Phase = Phase(JsonFields.Text(ref json, ref fault, "status.phase"));
            }
            else if (json.ValueTextEquals("hostIP"u8))
            {
                json.Read();
                draft.HostIp = draft.Address(ref json, ref fault, "status.hostIP");
            }
            else if (json.ValueTextEquals("startTime"u8))
            {
                json.Read();
                draft.StartTime = PodDraft.Time(ref json, ref fault, "status.startTime");
            }
            else if (json.ValueTextEquals("podIP"u8))
            {
                json.Read();
                draft.PodIp = draft.Address(ref json, ref fault, "status.podIP");
            }
            else if (json.ValueTextEquals("podIPs"u8))
            {
                json.Read();
                draft.PodIps = ReadIps(ref json, ref draft, ref fault);
            }
            else if (json.ValueTextEquals("conditions"u8))
            {
                json.Read();
                draft.Ready = ReadReady(ref json, ref fault);
            }
            else
            {
                JsonFields.SkipValue(ref json);
            }
        }
    }

    private static PodPhase Phase(string? text) => text switch
    {
        "Pending" => PodPhase.Pending,
        "Running" => PodPhase.Running,
        "Succeeded" => PodPhase.Succeeded,
        "Failed" => PodPhase.Failed,
        _ => PodPhase.Unknown,
    };

    private static ImmutableArray<IPAddress> ReadIps(ref Utf8JsonReader json, ref PodDraft draft, ref ObjectFault fault)
    {
        if (!JsonFields.Enter(ref json, ref fault, "status.podIPs", JsonTokenType.StartArray)) return [];
        ImmutableArray<IPAddress>.Builder ips = ImmutableArray.CreateBuilder<IPAddress>(1);
        while (JsonFields.NextItem(ref json))
        {
            if (!JsonFields.Enter(ref json, ref fault, "status.podIPs")) continue;
            while (JsonFields.NextProperty(ref json))
            {
                bool isIp = json.ValueTextEquals("ip"u8);
                json.Read();
                if (!isIp) json.Skip();
                else if (draft.Address(ref json, ref fault, "status.podIPs.ip") is { } ip && !ips.Contains(ip)) ips.Add(ip);
            }
        }

        return ips.DrainToImmutable();
    }

    private static bool ReadReady(ref Utf8JsonReader json, ref ObjectFault fault)
    {
        bool ready = false;
        if (!JsonFields.Enter(ref json, ref fault, "status.conditions", JsonTokenType.StartArray)) return false;
        while (JsonFields.NextItem(ref json))
        {
            if (!JsonFields.Enter(ref json, ref fault, "status.conditions")) continue;
            bool isReady = false;
            bool isTrue = false;
            while (JsonFields.NextProperty(ref json))
            {
                bool isType = json.ValueTextEquals("type"u8);
                bool isStatus = json.ValueTextEquals("status"u8);
                json.Read();
                if (isType) isReady = IsText(ref json, "Ready"u8);
                else if (isStatus) isTrue = IsText(ref json, "True"u8);
                else json.Skip();
            }

            ready |= isReady && isTrue;
        }

        return ready;
    }

    private static bool IsText(ref Utf8JsonReader json, ReadOnlySpan<byte> text)
    {
        if (json.TokenType == JsonTokenType.String) return json.ValueTextEquals(text);
        json.Skip();
        return false;
    }
}
