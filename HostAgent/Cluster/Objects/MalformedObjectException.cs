namespace HostAgent.Cluster;

/// <summary>A Kubernetes object lacks what makes it one, or a field has the wrong type.</summary>
/// <param name="subject">The object as far as it is known, such as <c>pod team-a/web</c>.</param>
/// <param name="field">Such as <c>status.podIPs</c>.</param>
/// <param name="problem">What is wrong with it.</param>
public sealed class MalformedObjectException(string subject, string field, string problem) : Exception($"{subject}: {field} {problem}")
{
    public string Subject { get; } = subject;

    public string Field { get; } = field;
}
