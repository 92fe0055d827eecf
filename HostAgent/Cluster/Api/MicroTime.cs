using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace HostAgent.Cluster;

/// <summary>meta/v1 MicroTime: in UTC with exactly six digits of a second. The API server refuses any other number of them.</summary>
internal sealed class MicroTime : JsonConverter<DateTime>
{
    public override DateTime Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetDateTime();

    public override void Write(Utf8JsonWriter writer, DateTime value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture));
}
