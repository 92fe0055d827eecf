using HostAgent.Configuration;
using Microsoft.Extensions.Logging;

namespace HostAgent.Cluster;

/// <summary>
/// Pods and namespaces from a file, for a host without Kubernetes, an air-gapped node and the demo. It is followed as it changes; one
/// that is bad or gone changes nothing but <see cref="LastReloadSuccessful"/>, and is logged once.
/// </summary>
public sealed class ClusterFile : IDisposable
{
    /// <summary>In bytes. Ten thousand pods with all that kubectl prints of them are about a hundred million.</summary>
    private const int LargestFile = 1 << 28;

    private readonly string path;
    private readonly string nodeName;
    private readonly ILogger logger;
    private readonly Lock gate = new();
    private TaskCompletionSource changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ClusterContent? content;
    private string? problem;
    private FileWatch? watch;

    /// <param name="path">What <c>kubectl get pods,namespaces -A -o yaml</c> (or json) prints.</param>
    /// <param name="nodeName">
    /// Whose pods: those with this spec.nodeName. A pod without one is not scheduled, so it is on no node; without --node-name the
    /// program uses the machine's host name, as the kubelet does.
    /// </param>
    public ClusterFile(string path, string nodeName, ILogger<ClusterFile> logger)
    {
        this.path = path;
        this.nodeName = nodeName;
        this.logger = logger;
        Reload();
        Pods = new Api<Pod>("pods", this, c => new(c.Pods, c.Revision, null));
        Namespaces = new Api<Namespace>("namespaces", this, c => new(c.Namespaces, c.Revision, null));
    }

    public IResourceApi<Pod> Pods { get; }

    public IResourceApi<Namespace> Namespaces { get; }

    /// <summary>Whether the file as it was last read is what the lists hold.</summary>
    public bool LastReloadSuccessful => Problem is null;

    /// <summary>What is wrong with the file as it was last read, with its name; null when it is good.</summary>
    public string? Problem
    {
        get { lock (gate) return problem; }
    }

    /// <summary>Starts to follow the file's changes.</summary>
    public void Watch(TimeSpan? poll = null) => watch ??= new FileWatch(path, Reload, logger, poll);

    public void Dispose() => watch?.Dispose();

    private void Reload()
    {
        ClusterContent? read = null;
        string? failure = null;
        try
        {
            byte[] bytes = BoundedFile.Read(path, LargestFile);
            read = bytes.Length <= LargestFile
                ? ClusterContentReader.Read(bytes, nodeName)
                : throw new InvalidDataException($"is larger than {LargestFile} bytes");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException
            or InvalidDataException or MalformedObjectException)
        {
            failure = $"{path}: {e.Message}";
        }

        lock (gate)
        {
            if (failure is not null && failure != problem) logger.LogError("{Problem}; the last good content is kept", failure);
            problem = failure;
            if (read is null || read.Revision == content?.Revision) return;
            content = read;
            changed.SetResult();
            changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        logger.LogInformation("{File}: revision {Revision}, {Pods} pods of node {Node}, {Namespaces} namespaces",
            path, read.Revision, read.Pods.Length, nodeName, read.Namespaces.Length);
    }

    private (ClusterContent? Content, Task Changed) State()
    {
        lock (gate) return (content, changed.Task);
    }

    private sealed class Api<T>(string resource, ClusterFile file, Func<ClusterContent, ResourcePage<T>> page) : IResourceApi<T>
    {
        public string Resource => resource;

        public Task<ResourcePage<T>> ListAsync(string? continueToken, CancellationToken cancellation) =>
            file.State().Content is { } content
                ? Task.FromResult(page(content))
                : Task.FromException<ResourcePage<T>>(new ResourceApiException(RestartReason.Malformed, file.Problem ?? "the file was not read"));

        /// <summary>Tells nothing but that the file is another one now: then its list is read and compared.</summary>
        public async IAsyncEnumerable<WatchEvent<T>> WatchAsync(
            string resourceVersion, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
        {
            yield return new WatchEvent<T>(WatchEventKind.Bookmark, resourceVersion, default);
            while (true)
            {
                (ClusterContent? content, Task changed) = file.State();
                if (content?.Revision != resourceVersion) break;
                await changed.WaitAsync(cancellation);
            }

            yield return new WatchEvent<T>(WatchEventKind.Expired, resourceVersion, default);
        }
    }
}
