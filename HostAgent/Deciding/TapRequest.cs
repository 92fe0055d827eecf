using HostAgent.Cluster;

namespace HostAgent.Deciding;

/// <summary>Somebody wants to see a pod's frames.</summary>
/// <param name="Namespace">The pod's.</param>
/// <param name="Pod">Its name.</param>
/// <param name="Asker">Who.</param>
internal sealed record TapRequest(string Namespace, string Pod, TapAsker Asker)
{
    /// <summary>Which of its frames, as a pcap-filter(7) expression; null for all.</summary>
    public string? Filter { get; init; }

    /// <summary>For how long, and how many frames, in the asker's own words; null without a limit.</summary>
    public string? Limits { get; init; }

    public bool IsFor(Pod pod) => pod.Namespace == Namespace && pod.Name == Pod;

    public override string ToString() => $"{Namespace}/{Pod}";
}
