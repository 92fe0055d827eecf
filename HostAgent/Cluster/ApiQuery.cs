namespace HostAgent.Cluster;

/// <summary>What is asked of the API server.</summary>
/// <param name="Resource">The plural name of a resource of the core group.</param>
/// <param name="ListAs">The media types wanted of a list.</param>
/// <param name="WatchAs">Those wanted of a watch; a server refuses to give a single object in the form of a list.</param>
/// <param name="FieldSelector">Which objects; null for all.</param>
internal sealed record ApiQuery(string Resource, string ListAs, string WatchAs, string? FieldSelector)
{
    /// <summary>Objects whole.</summary>
    public static ApiQuery Whole(string resource, string? fieldSelector) => new(resource, "application/json", "application/json", fieldSelector);

    /// <summary>Objects without spec and status. A server that cannot do so (before Kubernetes 1.15) gives them whole.</summary>
    public static ApiQuery MetadataOnly(string resource) =>
        new(resource, Partial("PartialObjectMetadataList"), Partial("PartialObjectMetadata"), null);

    private static string Partial(string kind) => $"application/json;as={kind};g=meta.k8s.io;v=v1,application/json";
}
