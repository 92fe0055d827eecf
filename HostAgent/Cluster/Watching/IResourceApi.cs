namespace HostAgent.Cluster;

/// <summary>
/// The seam to a source of Kubernetes objects: one page of a list, one watch stream. It knows nothing of retries: what to do when a
/// call fails is decided once, in <see cref="ListWatch{T}"/>.
/// </summary>
/// <typeparam name="T">The trimmed record, <see cref="Pod"/> or <see cref="Namespace"/>.</typeparam>
public interface IResourceApi<T>
{
    /// <summary>The plural resource name used in logs and metrics, such as <c>pods</c>.</summary>
    string Resource { get; }

    /// <param name="continueToken">Null for the first page, else the token of the page before.</param>
    Task<ResourcePage<T>> ListAsync(string? continueToken, CancellationToken cancellation);

    /// <summary>
    /// Events after <paramref name="resourceVersion"/>. The stream may end or fail at any time; its consumer starts another.
    /// </summary>
    IAsyncEnumerable<WatchEvent<T>> WatchAsync(string resourceVersion, CancellationToken cancellation);
}
