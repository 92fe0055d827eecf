using System.Text.Json;
using System.Text.Json.Serialization;
using HostAgent.Observability;

namespace HostAgent.Demo;

/// <summary>What the demo reads and writes, with the code for it generated ahead.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(StatusDocument))]
[JsonSerializable(typeof(SensorReport))]
[JsonSerializable(typeof(DemoReport))]
internal sealed partial class DemoJson : JsonSerializerContext;
