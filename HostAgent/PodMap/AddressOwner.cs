using System.Collections.Immutable;
using System.Net;

namespace HostAgent.PodMap;

/// <summary>Whose an address is, and since when.</summary>
/// <param name="Ip">The address.</param>
/// <param name="Kind">A pod's or a service's.</param>
/// <param name="Namespace">metadata.namespace.</param>
/// <param name="Name">metadata.name.</param>
/// <param name="Uid">metadata.uid: of two pods of the same name each has its own.</param>
/// <param name="Since">From when on it is known to be so; see <see cref="AddressBook"/>.</param>
public sealed record AddressOwner(
    IPAddress Ip, AddressKind Kind, string Namespace, string Name, string Uid, DateTimeOffset Since)
{
    /// <summary>spec.nodeName; empty for a service.</summary>
    public string Node { get; init; } = "";

    /// <summary>status.hostIP; null for a service, and until the kubelet has reported it.</summary>
    public IPAddress? NodeIp { get; init; }

    public ImmutableDictionary<string, string> Labels { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>When its pod finished or was deleted, or another had the address; null while it is its.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>Labels as <c>key=value</c>, in the order of their keys. Neither may hold a comma, a tab or an equals sign.</summary>
    public IEnumerable<string> LabelWords => Labels.OrderBy(label => label.Key, StringComparer.Ordinal)
        .Select(label => $"{label.Key}={label.Value}");

    /// <summary>Whether both are the same owner's, whatever has become of its labels.</summary>
    public bool IsSameOwner(AddressOwner other) => Kind == other.Kind && Uid == other.Uid;
}
