using System.Text.Json.Serialization;
using k8s.Models;

namespace HostAgent.Cluster;

/// <summary>Events as JSON, and the metadata of a pod; for the reason that <see cref="ReviewJson"/> has.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, Converters = [typeof(MicroTime)])]
[JsonSerializable(typeof(Eventsv1Event))]
[JsonSerializable(typeof(V1ObjectMeta))]
internal sealed partial class EventJson : JsonSerializerContext;
