using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace HostAgent.PodMap;

/// <summary>Owners as lines of JSON, each ending with a newline (NDJSON).</summary>
internal static class PodMapJson
{
    /// <summary>The map as Suricata's datasets read it (type ip, key "ip").</summary>
    public static byte[] Of(IEnumerable<AddressOwner> owners)
    {
        var text = new ArrayBufferWriter<byte>();
        // Whoever is asked for late is as good as any other here.
        foreach (AddressOwner owner in owners) Write(text, AddressRecord.Of(owner with { Until = null }));
        return text.WrittenSpan.ToArray();
    }

    public static void Write(IBufferWriter<byte> output, AddressRecord line)
    {
        using (var writer = new Utf8JsonWriter(output)) JsonSerializer.Serialize(writer, line, PodMapJsonContext.Default.AddressRecord);
        output.Write("\n"u8);
    }

    /// <returns>Null for a line that is none of ours, such as half of one.</returns>
    public static AddressOwner? Read(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, PodMapJsonContext.Default.AddressRecord)?.ToOwner();
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            return null;
        }
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(AddressRecord))]
internal sealed partial class PodMapJsonContext : JsonSerializerContext;
