using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Text.Json;
using HostAgent.Policy;

namespace HostAgent.Cluster;

/// <summary>What is kept of a pod while it is read.</summary>
internal struct PodDraft
{
    public PodDraft()
    {
    }

    public ObjectMeta Meta = new();
    public string? NodeName;
    public bool HostNetwork;
    public PodPhase Phase;
    public IPAddress? HostIp;
    public DateTimeOffset? StartTime;
    public IPAddress? PodIp;
    public ImmutableArray<IPAddress> PodIps = [];
    public bool Ready;
    private (string Field, string Text)? _noAddress;

    private readonly ImmutableArray<IPAddress> Ips => !PodIps.IsEmpty ? PodIps : PodIp is null ? [] : [PodIp];

    /// <summary>The address that the reader is on; null for what is none.</summary>
    public IPAddress? Address(ref Utf8JsonReader json, ref ObjectFault fault, string field)
    {
        string? text = JsonFields.Text(ref json, ref fault, field);
        IPAddress? address = IpText.Parse(text);
        if (address is null && !string.IsNullOrEmpty(text)) _noAddress ??= (field, text);
        return address;
    }

    /// <summary>The time (RFC 3339) that the reader is on; null for what is none.</summary>
    public static DateTimeOffset? Time(ref Utf8JsonReader json, ref ObjectFault fault, string field) => DateTimeOffset.TryParse(
        JsonFields.Text(ref json, ref fault, field), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal,
        out DateTimeOffset time) ? time.ToUniversalTime() : null;

    /// <summary>
    /// Supplies what somebody who writes a pod by hand may leave out, and names what he cannot have meant. Only of a pod that the scheduler
    /// has yet to place does a missing node say anything.
    /// </summary>
    public void Complete(string nodeName, ref ObjectFault fault)
    {
        Meta.DeriveUid(namespaced: true);
        bool unscheduled = Phase == PodPhase.Pending && Ips.IsEmpty;
        if (string.IsNullOrEmpty(NodeName) && !unscheduled) NodeName = nodeName;
        if (_noAddress is { } wrong) fault.Set(wrong.Field, $"{YamlPath.Quote(wrong.Text)} is no IP address that a pod can have");
    }

    public readonly Pod ToPod(ref ObjectFault fault)
    {
        Meta.Require(ref fault, namespaced: true);
        fault.ThrowIfSet(Meta.Subject("pod"));
        return new Pod
        {
            Uid = Meta.Uid!,
            Namespace = Meta.Namespace!,
            Name = Meta.Name!,
            NodeName = NodeName ?? "",
            Labels = Meta.Labels,
            Ips = Ips,
            SecondaryIps = NetworkStatus.Read(Meta.NetworkStatus, Ips),
            HostIp = HostIp,
            StartTime = StartTime,
            HostNetwork = HostNetwork,
            Phase = Phase,
            Ready = Ready,
            Terminating = Meta.Terminating,
        };
    }
}
