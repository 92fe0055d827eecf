using System.Text.Json;

namespace HostAgent.Cluster;

/// <summary>Reads one object: <see cref="PodReader.Read"/> or <see cref="NamespaceReader.Read"/>.</summary>
/// <param name="json">On the object's first token; afterwards on its last.</param>
public delegate T ObjectReader<out T>(ref Utf8JsonReader json);
