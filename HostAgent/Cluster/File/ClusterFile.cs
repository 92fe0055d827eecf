using System.Collections.Immutable;
using HostAgent.Policy;
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
    private ClusterContent _content;
    private ImmutableArray<string> _errors = [];
    private FileWatch? _watch;

    /// <param name="path">What <c>kubectl get pods,namespaces -A -o yaml</c> (or json) prints, or the like written by hand.</param>
    /// <param name="nodeName">
    /// Whose pods: those with this spec.nodeName, or none. Without --node-name the program uses the machine's host name, as the kubelet
    /// does.
    /// </param>
    /// <exception cref="ClusterFileException">The file cannot be read, or holds no good content.</exception>
    public ClusterFile(string path, string nodeName, ILogger<ClusterFile> logger)
    {
        _path = path;
        _nodeName = nodeName;
        _logger = logger;
        ClusterResult read = Load();
        _content = read.Content ?? throw new ClusterFileException(path, read.Errors);
        LogContent();
        Pods = new Api<Pod>("pods", this, c => new(c.Pods, c.Revision, null));
        AllPods = new Api<Pod>("pods", this, c => new([.. c.Pods, .. c.Others], c.Revision, null));
        Services = new Api<Service>("services", this, c => new(c.Services, c.Revision, null));
        Namespaces = new Api<Namespace>("namespaces", this, c => new(c.Namespaces, c.Revision, null));
    }

    public IResourceApi<Pod> Pods { get; }

    public IResourceApi<Namespace> Namespaces { get; }

    /// <summary>The pods of all nodes.</summary>
    public IResourceApi<Pod> AllPods { get; }

    public IResourceApi<Service> Services { get; }

    /// <summary>Whether the file as it was last read is what the lists hold.</summary>
    public bool LastReloadSuccessful => Problem is null;

    /// <summary>What is wrong with the file as it was last read, in words for an operator; null when it is good.</summary>
    public string? Problem
    {
        get
        {
            ImmutableArray<string> errors;
            lock (_gate) errors = _errors;
            return errors.IsEmpty ? null : $"the cluster file has {errors.Length} error(s) and is not in force: {_path}: {errors[0]}";
        }
    }

    /// <summary>That all pods are other nodes', in words for an operator; null when some are this one's, or there are none.</summary>
    public string? NobodyHere
    {
        get
        {
            ClusterContent content = State().Content;
            return content.Pods.IsEmpty && !content.Others.IsEmpty
                ? $"0 pods of node {_nodeName}; {_path} has {Elsewhere(content.Others)}: --node-name says whose pods count"
                : null;
        }
    }

    /// <summary>Starts to follow the file's changes.</summary>
    public void Watch(TimeSpan? poll = null) => _watch ??= new FileWatch(_path, Reload, _logger, poll);

    public void Dispose() => _watch?.Dispose();

    private static string Elsewhere(ImmutableArray<Pod> pods)
    {
        const int Most = 3;
        (string Node, int Pods)[] nodes = [.. pods.CountBy(pod => pod.NodeName, StringComparer.Ordinal)
            .Select(node => (node.Key, node.Value)).OrderByDescending(node => node.Value).ThenBy(node => node.Key, StringComparer.Ordinal)];
        string named = string.Join(", ", nodes.Take(Most)
            .Select(node => $"{node.Pods} pod{(node.Pods == 1 ? "" : "s")} of node {YamlPath.Quote(node.Node).Trim('"')}"));
        return nodes.Length > Most ? $"{named}, and more of other nodes" : named;
    }

    private ClusterResult Load()
    {
        try
        {
            byte[] bytes = BoundedFile.Read(_path, LargestFile);
            return bytes.Length <= LargestFile
                ? ClusterContentReader.Read(bytes, _nodeName)
                : new ClusterResult(null, [$"is larger than {LargestFile} bytes"]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            return new ClusterResult(null, [$"cannot be read: {e.Message}"]);
        }
    }

    private void Reload()
    {
        ClusterResult read = Load();
        lock (_gate)
        {
            if (read.Content is null && !read.Errors.SequenceEqual(_errors))
            {
                _logger.LogError("Cluster file {File} is not used, revision {Revision} stays in force:\n{Errors}", _path, _content.Revision,
                    string.Join('\n', read.Errors.Select(error => $"{_path}: {error}")));
            }

            _errors = read.Errors;
            if (read.Content is null || read.Content.Revision == _content.Revision) return;
            _content = read.Content;
            _changed.SetResult();
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        LogContent();
    }

    private void LogContent()
    {
        ClusterContent content = State().Content;
        _logger.LogInformation("{File}: revision {Revision}, {Pods} pods of node {Node}, {Namespaces} namespaces",
            _path, content.Revision, content.Pods.Length, _nodeName, content.Namespaces.Length);
        if (NobodyHere is { } warning) _logger.LogWarning("{Problem}", warning);
    }

    private (ClusterContent Content, Task Changed) State()
    {
        lock (_gate) return (_content, _changed.Task);
    }

    private sealed class Api<T>(string resource, ClusterFile file, Func<ClusterContent, ResourcePage<T>> page) : IResourceApi<T>
    {
        public string Resource => resource;

        public Task<ResourcePage<T>> ListAsync(string? continueToken, CancellationToken cancellation) =>
            Task.FromResult(page(file.State().Content));

        /// <summary>Tells nothing but that the file is another one now: then its list is read and compared.</summary>
        public async IAsyncEnumerable<WatchEvent<T>> WatchAsync(
            string resourceVersion, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
        {
            yield return new WatchEvent<T>(WatchEventKind.Bookmark, resourceVersion, default);
            while (true)
            {
                (ClusterContent content, Task changed) = file.State();
                if (content.Revision != resourceVersion) break;
                await changed.WaitAsync(cancellation);
            }

            yield return new WatchEvent<T>(WatchEventKind.Expired, resourceVersion, default);
        }
    }
}
