using System.Runtime.CompilerServices;
using HostAgent.Cluster;

namespace HostAgent.E2E.ApiServer;

/// <summary>An API whose connection can be cut for a while, with the server itself still there for others.</summary>
internal sealed class PausableApi<T>(IResourceApi<T> api) : IResourceApi<T>
{
    private CancellationTokenSource _cut = new();

    public string Resource => api.Resource;

    public void Pause() => _cut.Cancel();

    public void Resume() => _cut = new CancellationTokenSource();

    public Task<ResourcePage<T>> ListAsync(string? continueToken, CancellationToken cancellation)
    {
        if (_cut.IsCancellationRequested) throw new IOException("paused");
        return api.ListAsync(continueToken, cancellation);
    }

    public async IAsyncEnumerable<WatchEvent<T>> WatchAsync(string resourceVersion, [EnumeratorCancellation] CancellationToken cancellation)
    {
        if (_cut.IsCancellationRequested) throw new IOException("paused");
        using var either = CancellationTokenSource.CreateLinkedTokenSource(_cut.Token, cancellation);
        await foreach (WatchEvent<T> next in api.WatchAsync(resourceVersion, either.Token)) yield return next;
    }
}
