using System.Text.Json;
using System.Text.Json.Serialization;

namespace HostAgent.Demo;

/// <summary>What the demo writes, with the code for it generated ahead.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(DemoReport))]
internal sealed partial class DemoJson : JsonSerializerContext;
