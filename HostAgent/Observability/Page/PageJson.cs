using System.Text.Json;
using System.Text.Json.Serialization;

namespace HostAgent.Observability;

/// <summary>Writes the page's events.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, GenerationMode = JsonSourceGenerationMode.Serialization)]
[JsonSerializable(typeof(PageState))]
[JsonSerializable(typeof(PageCounts))]
internal sealed partial class PageJson : JsonSerializerContext;
