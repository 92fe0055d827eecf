using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;
using HostAgent.Policy;

namespace HostAgent.Cluster;

/// <summary>
/// Reads pods, namespaces and services from what <c>kubectl get pods,namespaces,services -A -o yaml</c> (or json) prints, and from what
/// somebody writes in its place: Lists, PodLists, NamespaceLists, ServiceLists, plain lists and single objects, in any number of
/// documents. Objects of other kinds are passed over.
/// </summary>
internal sealed class ClusterContentReader
{
    /// <summary>As of a policy: nobody reads more.</summary>
    private const int MostErrors = 200;

    private static readonly JsonReaderOptions Options = new() { AllowMultipleValues = true };
    private static readonly string[] Kinds = ["Pod", "Namespace", "Service", "List", "PodList", "NamespaceList", "ServiceList"];

    private readonly ReadOnlyMemory<byte> _json;
    private readonly string _nodeName;
    private readonly Dictionary<string, (Pod Pod, int Position)> _pods = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (Namespace Namespace, int Position)> _namespaces = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (Service Service, int Position)> _services = new(StringComparer.Ordinal);
    private readonly List<Pod> _others = [];
    private readonly List<string> _errors = [];
    private int _unlisted;

    private ClusterContentReader(ReadOnlyMemory<byte> json, string nodeName) => (_json, _nodeName) = (json, nodeName);

    /// <param name="content">YAML, or JSON when it starts with a brace.</param>
    /// <param name="nodeName">
    /// Pods of other nodes, and pods that are not scheduled yet, are left out; those that name no node are this one's.
    /// </param>
    public static ClusterResult Read(ReadOnlyMemory<byte> content, string nodeName)
    {
        ReadOnlyMemory<byte> text = content.Span.StartsWith("\uFEFF"u8) ? content["\uFEFF"u8.Length..] : content;
        bool isJson = text.Span.TrimStart(" \t\r\n"u8) is [(byte)'{', ..];
        ReadOnlyMemory<byte> json;
        try
        {
            json = isJson ? text : YamlJson.Convert(text);
        }
        catch (InvalidDataException e)
        {
            return new ClusterResult(null, [e.Message]);
        }

        var reader = new ClusterContentReader(json, nodeName);
        reader.ReadDocuments();
        if (reader._unlisted > 0) reader._errors.Add($"and {reader._unlisted} more errors");
        if (reader._errors.Count > 0) return new ClusterResult(null, [.. reader._errors]);
        string revision = Convert.ToHexStringLower(SHA256.HashData(content.Span))[..12];
        return new ClusterResult(new ClusterContent(
            revision, [.. reader._pods.Values.Select(p => p.Pod)], [.. reader._namespaces.Values.Select(n => n.Namespace)],
            [.. reader._others], [.. reader._services.Values.Select(s => s.Service)]), []);
    }

    private void ReadDocuments()
    {
        var reader = new Utf8JsonReader(_json.Span, Options);
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType != JsonTokenType.StartArray) ReadValue(ref reader, 0, null);
                else while (JsonFields.NextItem(ref reader)) ReadValue(ref reader, 0, "Pod");
            }
        }
        catch (JsonException e)
        {
            _errors.Add($"line {e.LineNumber + 1}: is not valid JSON");
        }
    }

    /// <summary>Reads the value that the reader is on, to its last token.</summary>
    /// <param name="reader">Of the document, or of a part of it.</param>
    /// <param name="start">Where the reader's part starts.</param>
    /// <param name="kindOfItems">Of an object that does not say its own.</param>
    private void ReadValue(ref Utf8JsonReader reader, int start, string? kindOfItems)
    {
        if (reader.TokenType == JsonTokenType.Null) return;
        int position = start + (int)reader.TokenStartIndex;
        bool isObject = reader.TokenType == JsonTokenType.StartObject;
        reader.Skip();
        if (!isObject)
        {
            Refuse(position, "holds something that is no Kubernetes object");
            return;
        }

        // Each object through a reader of its own: one that stops halfway cannot mislead what follows.
        ReadOnlySpan<byte> text = _json.Span[position..(start + (int)reader.BytesConsumed)];
        try
        {
            string? kind = Kind(text) ?? kindOfItems;
            if (kind is null) Refuse(position, "holds an object without kind: write kind: Pod or kind: Namespace");
            else if (Kinds.FirstOrDefault(known => known.Equals(kind, StringComparison.OrdinalIgnoreCase)) is { } meant && meant != kind)
                Refuse(position, $"kind {YamlPath.Quote(kind)}: did you mean {meant}?");
            else if (kind.EndsWith("List", StringComparison.Ordinal)) ReadItems(text, position, kind[..^4]);
            else ReadObject(text, position, kind);
        }
        catch (MalformedObjectException e)
        {
            Refuse(position, e.Message);
        }
        catch (InvalidOperationException)
        {
            Refuse(position, "holds text that is not valid Unicode");
        }
    }

    private static string? Kind(ReadOnlySpan<byte> text)
    {
        var reader = new Utf8JsonReader(text);
        reader.Read();
        while (JsonFields.NextProperty(ref reader))
        {
            bool isKind = reader.ValueTextEquals("kind"u8);
            reader.Read();
            if (isKind && reader.TokenType == JsonTokenType.String) return reader.GetString();
            reader.Skip();
        }

        return null;
    }

    private void ReadItems(ReadOnlySpan<byte> text, int position, string kindOfItems)
    {
        var reader = new Utf8JsonReader(text);
        reader.Read();
        while (JsonFields.NextProperty(ref reader))
        {
            bool isItems = reader.ValueTextEquals("items"u8);
            reader.Read();
            if (isItems && reader.TokenType == JsonTokenType.StartArray)
                while (JsonFields.NextItem(ref reader)) ReadValue(ref reader, position, kindOfItems.Length == 0 ? null : kindOfItems);
            else
                reader.Skip();
        }
    }

    private void ReadObject(ReadOnlySpan<byte> text, int position, string kind)
    {
        var reader = new Utf8JsonReader(text);
        reader.Read();
        if (kind == "Namespace")
        {
            Add(_namespaces, NamespaceReader.ReadFromFile(ref reader), position, "namespace");
        }
        else if (kind == "Pod")
        {
            Pod pod = PodReader.ReadFromFile(ref reader, _nodeName);
            if (pod.NodeName == _nodeName) Add(_pods, pod, position, "pod");
            else if (pod.NodeName.Length > 0) _others.Add(pod);
        }
        else if (kind == "Service")
        {
            Add(_services, ServiceReader.ReadFromFile(ref reader), position, "service");
        }
    }

    private void Add<T>(Dictionary<string, (T Object, int Position)> known, T found, int position, string kind)
        where T : class, IResource
    {
        // The same once more does no harm: two lists may overlap.
        if (known.TryAdd(found.Uid, (found, position)) || known[found.Uid].Object.Equals(found)) return;
        (T first, int at) = known[found.Uid];
        Refuse(position, first.ToString() == found.ToString()
            ? $"{kind} {Name(found)} is there twice, and not the same: first on line {Line(at)}"
            : $"{kind} {Name(found)}: metadata.uid {YamlPath.Quote(found.Uid)} is that of {kind} {Name(first)}, too, on line {Line(at)}");
    }

    private static string Name(IResource named) => YamlPath.Quote(named.ToString()!, longest: 512).Trim('"');

    private void Refuse(int position, string why)
    {
        if (_errors.Count < MostErrors) _errors.Add($"line {Line(position)}: {why}");
        else _unlisted++;
    }

    private int Line(int position) => 1 + _json.Span[..position].Count((byte)'\n');
}
