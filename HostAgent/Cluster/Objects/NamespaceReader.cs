using System.Text.Json;

namespace HostAgent.Cluster;

/// <summary>Reads one core/v1 Namespace, or its meta/v1 PartialObjectMetadata.</summary>
public static class NamespaceReader
{
    /// <inheritdoc cref="PodReader.Read"/>
    public static Namespace Read(ref Utf8JsonReader json)
    {
        var fault = new ObjectFault();
        return ToNamespace(ReadMeta(ref json, ref fault), ref fault);
    }

    /// <inheritdoc cref="PodReader.ReadFromFile"/>
    internal static Namespace ReadFromFile(ref Utf8JsonReader json)
    {
        var fault = new ObjectFault();
        ObjectMeta meta = ReadMeta(ref json, ref fault);
        meta.DeriveUid(namespaced: false);
        return ToNamespace(meta, ref fault);
    }

    private static ObjectMeta ReadMeta(ref Utf8JsonReader json, ref ObjectFault fault)
    {
        var meta = new ObjectMeta();
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

        return meta;
    }

    private static Namespace ToNamespace(in ObjectMeta meta, ref ObjectFault fault)
    {
        meta.Require(ref fault, namespaced: false);
        fault.ThrowIfSet(meta.Subject("namespace"));
        return new Namespace { Uid = meta.Uid!, Name = meta.Name!, Labels = meta.Labels };
    }
}
