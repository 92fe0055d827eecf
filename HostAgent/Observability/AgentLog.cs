using System.Text.Json;
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
    public static ILoggerFactory Create(string? format) => LoggerFactory.Create(logging =>
    {
        logging.SetMinimumLevel(LogLevel.Information);
        // Kestrel reports every malformed request of a peer; on an untrusted network that is a way to fill a log.
        logging.AddFilter("Microsoft", LogLevel.Warning);
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
}
