using System.Collections.Immutable;

namespace HostAgent.Cluster;

/// <summary>
/// A program that gives credentials, as a user of a kubeconfig names it (clientcmd/api/v1 ExecConfig). Reading it runs nothing.
/// </summary>
public sealed record ExecConfig
{
    /// <summary>The kubeconfig's path, for messages.</summary>
    public required string Place { get; init; }

    /// <summary>The program's absolute path.</summary>
    public required string Command { get; init; }

    public required ImmutableArray<string> Arguments { get; init; }

    /// <summary>Beside the agent's own environment, which the program gets, too.</summary>
    public required ImmutableArray<KeyValuePair<string, string>> Environment { get; init; }

    /// <summary>The version of ExecCredential that the program must answer in.</summary>
    public required string ApiVersion { get; init; }

    /// <summary>For KUBERNETES_EXEC_INFO: an ExecCredential in JSON, with the cluster where the kubeconfig says so.</summary>
    public required string Info { get; init; }
}
