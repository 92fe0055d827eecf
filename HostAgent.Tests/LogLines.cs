using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace HostAgent.Tests;

/// <summary>A logger that keeps what it is told.</summary>
internal sealed class LogLines<T> : ILogger<T>
{
    private readonly ConcurrentQueue<(LogLevel Level, string Text)> _lines = new();

    private readonly ConcurrentQueue<Exception> _faults = new();

    public IReadOnlyCollection<(LogLevel Level, string Text)> All => _lines;

    /// <summary>The exceptions that came with lines.</summary>
    public IReadOnlyCollection<Exception> Faults => _faults;

    public int Count(LogLevel level) => _lines.Count(l => l.Level == level);

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (exception is not null) _faults.Enqueue(exception);
        _lines.Enqueue((logLevel, formatter(state, exception)));
    }
}
