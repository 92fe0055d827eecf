namespace HostAgent.Cluster;

/// <summary>Whose a bearer token is, in the API server's words.</summary>
/// <param name="Name">Such as system:serviceaccount:monitoring:prometheus.</param>
/// <param name="Uid">May be empty.</param>
/// <param name="Groups">All of them, system:authenticated among them.</param>
/// <param name="Extra">What an authorizer of the cluster may want to know beside.</param>
public sealed record TokenOwner(
    string Name, string? Uid, IList<string>? Groups, IDictionary<string, IList<string>>? Extra);
