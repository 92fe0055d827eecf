using System.Text.Json;

namespace HostAgent.Cluster;

/// <summary>Reads one core/v1 Namespace, or its meta/v1 PartialObjectMetadata.</summary>
public static class NamespaceReader
{
    /// <inheritdoc cref="PodReader.Read"/>
    public static Namespace Read(ref Utf8JsonReader json)
    {
        var meta = new ObjectMeta();
        var fault = new ObjectFault();
        try
        {
            if (JsonFields.Enter(ref json, ref fault, "it"))
            {
                while (JsonFields.NextProperty(ref json))
                {
                    if (json.ValueTextEquals("metadata"u8)) meta.Read(ref json, ref fault);
                    else JsonFields.SkipValue(ref json);
                }
            }
        }
        catch (InvalidOperationException)
        {
            fault.Set("text", "is not valid Unicode");
        }

        meta.Require(ref fault, namespaced: false);
        fault.ThrowIfSet(meta.Subject("namespace"));
        return new Namespace { Uid = meta.Uid!, Name = meta.Name!, Labels = meta.Labels };
    }
}
