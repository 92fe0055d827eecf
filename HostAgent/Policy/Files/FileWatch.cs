using HostAgent.Interop;
using Microsoft.Extensions.Logging;

namespace HostAgent.Policy;

/// <summary>
/// Says when a file may have changed: by edit, by rename, or by the swap of the ..data link through which the kubelet publishes a
/// ConfigMap. inotify on the file's directory tells at once; a slow poll finds what inotify cannot (a link that leads to another
/// directory, a replaced directory, a machine whose inotify instances are used up).
/// </summary>
internal sealed class FileWatch : IDisposable
{
    public static readonly TimeSpan DefaultPoll = TimeSpan.FromSeconds(5);

    /// <summary>A writer is given this long to finish: what is read once it is quiet is whole.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(100);

    private readonly string _path;
    private readonly Action _changed;
    private readonly TimeSpan _poll;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _signal = new(0);
    private readonly Task _loop;
    private FileSystemWatcher? _watcher;

    /// <param name="path">The file. It need not exist.</param>
    /// <param name="changed">Called from one task at a time. It also gets calls where nothing changed, so it compares the content.</param>
    public FileWatch(string path, Action changed, ILogger logger, TimeSpan? poll = null)
    {
        _path = Path.GetFullPath(path);
        _changed = changed;
        _logger = logger;
        _poll = poll ?? DefaultPoll;
        Subscribe();
        _loop = Task.Run(RunAsync);
    }

    /// <summary>Ends the watch: no call is under way or follows when this returns. Not to be called from within one.</summary>
    public void Dispose()
    {
        if (_stop.IsCancellationRequested) return;
        _stop.Cancel();
        _loop.Wait();
        _watcher?.Dispose();
        _signal.Dispose();
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        // Whatever was written between the caller's own reading and the subscription is found by this first call.
        (ulong, ulong, SysStat.statx_timestamp)? stamp = null;
        bool told = true;
        try
        {
            while (true)
            {
                if (told)
                {
                    while (await _signal.WaitAsync(Quiet, _stop.Token)) { }
                }

                (ulong, ulong, SysStat.statx_timestamp)? now = Stamp();
                if (told || now != stamp) Call();
                if (!told && now != stamp) Subscribe();
                stamp = now;
                told = await _signal.WaitAsync(_poll, _stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private void Call()
    {
        try
        {
            _changed();
        }
        catch (Exception e)
        {
            // The watch outlives what one content does to its reader: the next content may be good.
            _logger.LogError(e, "Reading {File} failed", _path);
        }
    }

    private void Subscribe()
    {
        _watcher?.Dispose();
        _watcher = null;
        try
        {
            var created = new FileSystemWatcher(Path.GetDirectoryName(_path) ?? "/")
            {
                NotifyFilter = NotifyFilters.FileName | NotifyFilters.DirectoryName | NotifyFilters.LastWrite
                    | NotifyFilters.Size | NotifyFilters.CreationTime,
            };
            created.Changed += Told;
            created.Created += Told;
            created.Deleted += Told;
            created.Renamed += Told;
            created.Error += Told;
            created.EnableRaisingEvents = true;
            _watcher = created;
        }
        catch (Exception e) when (e is IOException or ArgumentException or UnauthorizedAccessException)
        {
            _logger.LogWarning("{File} is polled every {Seconds} s, since its directory cannot be watched: {Reason}",
                _path, _poll.TotalSeconds, e.Message);
        }
    }

    private void Told(object sender, EventArgs e)
    {
        try
        {
            _signal.Release();
        }
        catch (ObjectDisposedException)
        {
        }
    }

    /// <summary>
    /// What tells one content of the path from another, links followed; null when it leads nowhere. The file is not opened: a pipe in its
    /// place would hold the watch up. The time is that of the last change of any kind, so that a file which has become readable is read.
    /// </summary>
    private (ulong Inode, ulong Length, SysStat.statx_timestamp Changed)? Stamp()
    {
        const uint Wanted = SysStat.STATX_INO | SysStat.STATX_SIZE | SysStat.STATX_CTIME;
        if (SysStat.statx(SysStat.AT_FDCWD, _path, 0, Wanted, out SysStat.statx_result now) != 0) return null;
        return (now.stx_ino, now.stx_size, now.stx_ctime);
    }
}
