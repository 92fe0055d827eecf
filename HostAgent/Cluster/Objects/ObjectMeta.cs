using System.Collections.Immutable;
using System.Text.Json;
using HostAgent.Policy;

namespace HostAgent.Cluster;

/// <summary>What is kept of meta/v1 ObjectMeta while an object is read.</summary>
internal struct ObjectMeta
{
    public ObjectMeta()
    {
    }

    public string? Uid { get; private set; }

    public string? Namespace { get; private set; }

    public string? Name { get; private set; }

    public string? ResourceVersion { get; private set; }

    public bool Terminating { get; private set; }

    /// <summary>The annotation in which Multus lists a pod's interfaces.</summary>
    public string? NetworkStatus { get; private set; }

    public ImmutableDictionary<string, string> Labels { get; private set; } = ImmutableDictionary<string, string>.Empty;

    /// <param name="json">On the property name.</param>
    public void Read(ref Utf8JsonReader json, ref ObjectFault fault)
    {
        json.Read();
        if (!JsonFields.Enter(ref json, ref fault, "metadata")) return;
        while (JsonFields.NextProperty(ref json))
        {
            if (json.ValueTextEquals("name"u8)) Name = Value(ref json, ref fault, "metadata.name");
            else if (json.ValueTextEquals("namespace"u8)) Namespace = Value(ref json, ref fault, "metadata.namespace");
            else if (json.ValueTextEquals("uid"u8)) Uid = Value(ref json, ref fault, "metadata.uid");
            else if (json.ValueTextEquals("resourceVersion"u8)) ResourceVersion = Value(ref json, ref fault, "metadata.resourceVersion");
            else if (json.ValueTextEquals("deletionTimestamp"u8))
                Terminating = !string.IsNullOrEmpty(Value(ref json, ref fault, "metadata.deletionTimestamp"));
            else if (json.ValueTextEquals("labels"u8)) ReadLabels(ref json, ref fault);
            else if (json.ValueTextEquals("annotations"u8)) ReadAnnotations(ref json, ref fault);
            else JsonFields.SkipValue(ref json);
        }
    }

    /// <summary>Whatever is watched has a uid and a name.</summary>
    public readonly void Require(ref ObjectFault fault, bool namespaced)
    {
        if (string.IsNullOrEmpty(Name)) fault.Set("metadata.name", "is missing");
        if (namespaced && string.IsNullOrEmpty(Namespace)) fault.Set("metadata.namespace", "is missing");
        if (string.IsNullOrEmpty(Uid)) fault.Set("metadata.uid", "is missing");
    }

    /// <summary>A uid for an object that was written by hand without one: its name tells it from others of its kind.</summary>
    public void DeriveUid(bool namespaced)
    {
        if (string.IsNullOrEmpty(Uid)) Uid = namespaced ? $"{Namespace}/{Name}" : Name;
    }

    /// <summary>The object as an error names it.</summary>
    public readonly string Subject(string kind)
    {
        string name = Name is null ? "without a name" : YamlPath.Quote(Name).Trim('"');
        return Namespace is null ? $"{kind} {name}" : $"{kind} {YamlPath.Quote(Namespace).Trim('"')}/{name}";
    }

    private static string? Value(ref Utf8JsonReader json, ref ObjectFault fault, string field)
    {
        json.Read();
        return JsonFields.Text(ref json, ref fault, field);
    }

    private void ReadLabels(ref Utf8JsonReader json, ref ObjectFault fault)
    {
        json.Read();
        Labels = JsonFields.Labels(ref json, ref fault);
    }

    private void ReadAnnotations(ref Utf8JsonReader json, ref ObjectFault fault)
    {
        json.Read();
        if (!JsonFields.Enter(ref json, ref fault, "metadata.annotations")) return;
        while (JsonFields.NextProperty(ref json))
        {
            if (json.ValueTextEquals("k8s.v1.cni.cncf.io/network-status"u8))
                NetworkStatus = Value(ref json, ref fault, "metadata.annotations");
            else JsonFields.SkipValue(ref json);
        }
    }
}
