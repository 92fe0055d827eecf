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

    private readonly string _path;
    private readonly string _nodeName;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ClusterContent? _content;
    private string? _problem;
    private FileWatch? _watch;

    /// <param name="path">What <c>kubectl get pods,namespaces -A -o yaml</c> (or json) prints.</param>
    /// <param name="nodeName">
    /// Whose pods: those with this spec.nodeName. A pod without one is not scheduled, so it is on no node; without --node-name the
    /// program uses the machine's host name, as the kubelet does.
    /// </param>
    public ClusterFile(string path, string nodeName, ILogger<ClusterFile> logger)
    {
        _path = path;
        _nodeName = nodeName;
        _logger = logger;
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
        get { lock (_gate) return _problem; }
    }

    /// <summary>Starts to follow the file's changes.</summary>
    public void Watch(TimeSpan? poll = null) => _watch ??= new FileWatch(_path, Reload, _logger, poll);

    public void Dispose() => _watch?.Dispose();

    private void Reload()
    {
        ClusterContent? read = null;
        string? failure = null;
        try
        {
            byte[] bytes = BoundedFile.Read(_path, LargestFile);
            read = bytes.Length <= LargestFile
                ? ClusterContentReader.Read(bytes, _nodeName)
                : throw new InvalidDataException($"is larger than {LargestFile} bytes");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException
            or InvalidDataException or MalformedObjectException)
        {
            failure = $"{_path}: {e.Message}";
        }

        lock (_gate)
        {
            if (failure is not null && failure != _problem) _logger.LogError("{Problem}; the last good content is kept", failure);
            _problem = failure;
            if (read is null || read.Revision == _content?.Revision) return;
            _content = read;
            _changed.SetResult();
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        _logger.LogInformation("{File}: revision {Revision}, {Pods} pods of node {Node}, {Namespaces} namespaces",
            _path, read.Revision, read.Pods.Length, _nodeName, read.Namespaces.Length);
    }

    private (ClusterContent? Content, Task Changed) State()
    {
        lock (_gate) return (_content, _changed.Task);
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
