using Microsoft.Extensions.Logging;

namespace HostAgent.Policy;

/// <summary>Reads the policy's <c>log</c>.</summary>
internal static class LogLevelReader
{
    // In the order of LogLevel, from Debug on.
    private static readonly string[] Words = ["debug", "info", "warning", "error"];

    /// <returns>Information when there is none, or it is wrong.</returns>
    public static LogLevel Read(YamlNode? node, PolicyErrors errors)
    {
        if (node is null || YamlFields.Of(node, errors, "level") is not { } fields) return LogLevel.Information;
        YamlNode? level = fields.Required("level", "say from which level on the agent logs, such as warning, or remove log");
        return fields.Word(level, Words) is { } word ? LogLevel.Debug + Array.IndexOf(Words, word) : LogLevel.Information;
    }
}
