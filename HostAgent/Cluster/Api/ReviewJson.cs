using System.Text.Json.Serialization;
using k8s.Models;

namespace HostAgent.Cluster;

/// <summary>The two reviews as JSON. The client's own serializer would bring every type of the API into the program.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(V1TokenReview))]
[JsonSerializable(typeof(V1SubjectAccessReview))]
internal sealed partial class ReviewJson : JsonSerializerContext;
