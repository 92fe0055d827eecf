using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using HostAgent.Accounts;
using HostAgent.Deciding;

namespace HostAgent.Observability;

/// <summary>Writes the status as JSON: one object, on one line.</summary>
public static class StatusJson
{
    /// <param name="output">Where the UTF-8 text goes; no newline follows it.</param>
    /// <param name="status">What is, or for <c>check</c> would be, captured.</param>
    /// <param name="ledger">Null leaves the ledger out.</param>
    public static void Write(IBufferWriter<byte> output, AgentStatus status, LedgerSnapshot? ledger)
    {
        // Relaxed: this is never embedded in HTML, and reasons hold quotes and plus signs that people read.
        using var writer = new Utf8JsonWriter(output, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        JsonSerializer.Serialize(writer, StatusDocument.From(status, ledger), StatusJsonContext.Default.StatusDocument);
    }
}

// Only writes: what reading needs is 150 more methods to compile at the first request.
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, GenerationMode = JsonSourceGenerationMode.Serialization)]
[JsonSerializable(typeof(StatusDocument))]
internal sealed partial class StatusJsonContext : JsonSerializerContext;
