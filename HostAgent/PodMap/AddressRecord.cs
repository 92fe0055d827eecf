using System.Collections.Immutable;
using System.Net;
using System.Text.Json.Serialization;

namespace HostAgent.PodMap;

/// <summary>An owner as a line of JSON, in pods.json and history.ndjson. Field names are those of pods.tsv; stable.</summary>
internal sealed record AddressRecord
{
    public required string Ip { get; init; }

    public required string Ns { get; init; }

    public required string Name { get; init; }

    public string? Node { get; init; }

    [JsonPropertyName("node_ip")]
    public string? NodeIp { get; init; }

    public required string Uid { get; init; }

    public required DateTimeOffset Since { get; init; }

    /// <summary>Only in the history, and there only of what has ended.</summary>
    public DateTimeOffset? Until { get; init; }

    public ImmutableSortedDictionary<string, string> Labels { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    public required string Kind { get; init; }

    public static AddressRecord Of(AddressOwner owner) => new()
    {
        Ip = owner.Ip.ToString(),
        Ns = owner.Namespace,
        Name = owner.Name,
        Node = owner.Node.Length == 0 ? null : owner.Node,
        NodeIp = owner.NodeIp?.ToString(),
        Uid = owner.Uid,
        Since = owner.Since.ToUniversalTime(),
        Until = owner.Until?.ToUniversalTime(),
        Labels = owner.Labels.ToImmutableSortedDictionary(StringComparer.Ordinal),
        Kind = owner.Kind.Name(),
    };

    /// <exception cref="FormatException">An address is none.</exception>
    public AddressOwner ToOwner() =>
        new(IPAddress.Parse(Ip), Kind == AddressKind.Service.Name() ? AddressKind.Service : AddressKind.Pod, Ns, Name, Uid, Since)
        {
            Node = Node ?? "",
            NodeIp = NodeIp is null ? null : IPAddress.Parse(NodeIp),
            Until = Until,
            Labels = Labels.ToImmutableDictionary(StringComparer.Ordinal),
        };
}
