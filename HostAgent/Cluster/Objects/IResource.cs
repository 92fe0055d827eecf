namespace HostAgent.Cluster;

/// <summary>What the list-watch loop needs to know of a Kubernetes object.</summary>
public interface IResource
{
    /// <summary>metadata.uid: the object's identity; another object of the same name has another.</summary>
    string Uid { get; }

    string Name { get; }
}
