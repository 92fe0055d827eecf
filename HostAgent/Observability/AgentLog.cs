using System.Text.Json;
using HostAgent.Deciding;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace HostAgent.Observability;

/// <summary>
/// The agent's log: one line per change, on stderr, so that stdout stays for what a command prints. Text by default, one JSON object a
/// line with HOSTAGENT_LOG=json.
/// </summary>
public static class AgentLog
{
    public const string FormatVariable = "HOSTAGENT_LOG";

    /// <param name="format">The value of <see cref="FormatVariable"/>: <c>json</c>, or anything else for text.</param>
    /// <param name="threshold">The lowest level that is logged, asked for every line; null for information.</param>
    public static ILoggerFactory Create(string? format, Func<LogLevel>? threshold = null) => LoggerFactory.Create(logging =>
    {
        logging.SetMinimumLevel(LogLevel.Debug);
        logging.AddFilter((category, level) => level >= Lowest(category, threshold?.Invoke() ?? LogLevel.Information));
        if (string.Equals(format, "json", StringComparison.OrdinalIgnoreCase))
        {
            logging.AddJsonConsole(json =>
            {
                json.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";
                json.UseUtcTimestamp = true;
                json.JsonWriterOptions = new JsonWriterOptions { Indented = false };
            });
        }
        else
        {
            logging.AddSimpleConsole(text =>
            {
                text.SingleLine = true;
                text.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
                text.UseUtcTimestamp = true;
                text.ColorBehavior = LoggerColorBehavior.Disabled;
            });
        }

        logging.Services.Configure<ConsoleLoggerOptions>(console =>
        {
            console.LogToStandardErrorThreshold = LogLevel.Trace;
            // Whoever does not read the log any more, such as a runtime whose disk is full, must not hold up the mirror.
            console.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite;
        });
    });

    // Kestrel reports every malformed request of a peer; on an untrusted network that is a way to fill a log. What was mirrored, and why,
    // is a record that no level turns off.
    private static LogLevel Lowest(string? category, LogLevel threshold) => category switch
    {
        ScopeAudit.Category => LogLevel.Information,
        _ when category?.StartsWith("Microsoft", StringComparison.Ordinal) == true && threshold < LogLevel.Warning => LogLevel.Warning,
        _ => threshold,
    };
}
