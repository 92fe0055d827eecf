using System.Text.Json;
using System.Text.Json.Serialization;

namespace HostAgent.Lab;

/// <summary>What the lab reads and writes, with the code for it generated ahead.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(SensorReport))]
internal sealed partial class LabJson : JsonSerializerContext;
