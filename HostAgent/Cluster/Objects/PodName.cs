namespace HostAgent.Cluster;

/// <summary>What a pod is called, without saying which of those that were called so.</summary>
public sealed record PodName(string Namespace, string Name)
{
    /// <param name="text">NAMESPACE/NAME.</param>
    /// <returns>Null when it is none.</returns>
    public static PodName? Parse(string text) =>
        text.Split('/') is [{ Length: > 0 } space, { Length: > 0 } name] ? new PodName(space, name) : null;

    public override string ToString() => $"{Namespace}/{Name}";
}
