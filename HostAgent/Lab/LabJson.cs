using System.Text.Json;
using System.Text.Json.Serialization;
using HostAgent.Observability;

namespace HostAgent.Lab;

/// <summary>What the lab reads and writes, with the code for it generated ahead.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(StatusDocument))]
[JsonSerializable(typeof(SensorReport))]
internal sealed partial class LabJson : JsonSerializerContext;
