using System.Diagnostics;
using HostAgent.Accounts;
using HostAgent.Capture;
using HostAgent.Commands;
using HostAgent.Frames;

namespace HostAgent.Replay;

/// <summary>
/// A capture whose frames come from a file, at the pace at which they were captured. What it counts as seen is what it has handed over. One
/// thread reads it.
/// </summary>
internal sealed class FileCapture : ICapture, ICaptureFactory
{
    /// <summary>The ifindex that all frames are said to be from. No kernel knows the link, so none is meant by mistake.</summary>
    public const int Link = int.MaxValue;

    private static readonly TimeSpan LongPause = TimeSpan.FromMinutes(1), LongestPause = TimeSpan.FromDays(10_000);

    private readonly ReplayOptions _options;
    private readonly PacketPrinter? _printer;
    private readonly Action<TimeSpan> _pausing;
    private readonly CopyBlocks _blocks = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CaptureFile _file;
    private RecordedFrame _frame;
    private bool _hasFrame;
    private long _roundStart, _firstTimestamp;
    private long _seen;
    private volatile bool _accepts;

    /// <param name="file">The options' file, opened; this disposes it.</param>
    /// <param name="options">Speed and rounds.</param>
    /// <param name="printer">Gets each frame that is handed over; null for none.</param>
    /// <param name="pausing">Is told of a long wait for the next frame, when it begins.</param>
    public FileCapture(CaptureFile file, ReplayOptions options, PacketPrinter? printer, Action<TimeSpan> pausing) =>
        (_file, _options, _printer, _pausing) = (file, options, printer, pausing);

    /// <summary>Completes when the last frame has been handed over, or the file cannot be read any further.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Which frame of the file could not be read, from 1 on, and why; null while all could.</summary>
    public string? Damage => Ended.IsCompleted && _file.Damage is { } damage ? $"frame {_file.Count + 1} cannot be read: {damage}" : null;

    /// <summary>How many times the file has been begun.</summary>
    public int Rounds { get; private set; }

    public double Backlog => 0;

    public IReadOnlyList<ICapture> Open(int shards) =>
        shards == 1 ? [this] : throw new ArgumentOutOfRangeException(nameof(shards), shards, "a file has one order");

    public bool SetLinks(ReadOnlySpan<CapturedLink> links)
    {
        _accepts = links.ToArray().Any(link => link.Index == Link);
        return true;
    }

    public void NeedHeadsOnly(ReadOnlySpan<LinkParts> flows)
    {
        // All is read from the file anyway.
    }

    public FrameBlock? Next(int timeoutMilliseconds)
    {
        if (!_accepts || Ended.IsCompleted)
        {
            Thread.Sleep(timeoutMilliseconds);
            return null;
        }

        if (!IsDue(timeoutMilliseconds) || _blocks.Take(timeoutMilliseconds) is not { } block) return null;
        long now = Frame.Now;
        while (HasFrame() && Wait() <= TimeSpan.Zero && block.TryAdd(_frame.At(Link, now)))
        {
            _hasFrame = false;
            _printer?.Print(_frame);
            Volatile.Write(ref _seen, _seen + 1);
        }

        return block;
    }

    public CaptureStatistics ReadStatistics() => new(Volatile.Read(ref _seen), 0, 0, 0);

    public void Dispose()
    {
        _file.Dispose();
        _blocks.Dispose();
    }

    /// <summary>Whether there is a frame whose time has come, or comes within the time.</summary>
    private bool IsDue(int timeoutMilliseconds)
    {
        if (!HasFrame()) return false;
        TimeSpan wait = Wait();
        if (wait <= TimeSpan.Zero) return true;
        _printer?.Flush();
        TimeSpan limit = TimeSpan.FromMilliseconds(timeoutMilliseconds);
        Thread.Sleep(wait < limit ? wait : limit);
        return Wait() <= TimeSpan.Zero;
    }

    /// <summary>How long until the frame at hand is due. One that is older than the file's first is due at once.</summary>
    private TimeSpan Wait()
    {
        if (double.IsPositiveInfinity(_options.Speed)) return TimeSpan.Zero;
        double due = (_frame.Timestamp - _firstTimestamp) / (1e9 * _options.Speed);
        return TimeSpan.FromSeconds(Math.Clamp(due - Stopwatch.GetElapsedTime(_roundStart).TotalSeconds, 0, LongestPause.TotalSeconds));
    }

    /// <summary>Reads a frame unless one is at hand; false when there is none any more.</summary>
    private bool HasFrame()
    {
        if (_hasFrame) return true;
        if (Ended.IsCompleted) return false;
        if (Rounds == 0) BeginRound();
        else if (!(_hasFrame = _file.TryRead(out _frame)) && _file.Damage is null && _file.Count > 0 && Rounds < _options.Loops)
            ReadAgain();
        if (!_hasFrame) _ended.TrySetResult();
        else if (Wait() is var wait && wait > LongPause) _pausing(wait);
        return _hasFrame;
    }

    private void ReadAgain()
    {
        try
        {
            var again = new CaptureFile(_options.File);
            _file.Dispose();
            _file = again;
            BeginRound();
        }
        catch (IOException e)
        {
            // Removed or replaced meanwhile.
            _ended.TrySetException(e);
        }
    }

    private void BeginRound()
    {
        Rounds++;
        _hasFrame = _file.TryRead(out _frame);
        _firstTimestamp = _frame.Timestamp;
        _roundStart = Stopwatch.GetTimestamp();
    }
}
