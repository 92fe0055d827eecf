using System.Text.Json;
using System.Text.Json.Serialization;

namespace HostAgent.Observability;

/// <summary>Reads /status. Apart from what writes it, so that an agent does not compile it at its first request.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(StatusDocument))]
[JsonSerializable(typeof(TapDocument))]
internal sealed partial class ReadingJson : JsonSerializerContext;
