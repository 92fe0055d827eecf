namespace HostAgent.Policy;

/// <summary>The policy's <c>podMap</c>: whose address is whose, kept in a directory that the sensor mounts.</summary>
/// <param name="Directory">An absolute path.</param>
/// <param name="Scope">Whose addresses.</param>
/// <param name="Most">How many addresses at most; the rest is left out, with a warning.</param>
public sealed record PodMapPolicy(string Directory, PodMapScope Scope = PodMapScope.Node, int Most = PodMapPolicy.UsualMost)
{
    /// <summary>More pods than the largest clusters have that Kubernetes is tested with (150,000), with two addresses each.</summary>
    public const int UsualMost = 400_000;
}
