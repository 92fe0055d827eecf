using System.Security.Cryptography;
using System.Text.Json;

namespace HostAgent.Cluster;

/// <summary>
/// Reads pods and namespaces from what <c>kubectl get pods,namespaces -A -o yaml</c> (or json) prints: Lists, PodLists, NamespaceLists and
/// single objects, in any number of documents. Objects of other kinds are passed over.
/// </summary>
internal static class ClusterContentReader
{
    private static readonly JsonReaderOptions Options = new() { AllowMultipleValues = true };

    /// <param name="content">YAML, or JSON when it starts with a brace.</param>
    /// <param name="nodeName">Pods of other nodes, and pods that have none yet, are left out.</param>
    /// <exception cref="InvalidDataException">It is neither YAML nor JSON, or holds no objects of Kubernetes.</exception>
    /// <exception cref="MalformedObjectException">An object lacks what makes it one.</exception>
    public static ClusterContent Read(ReadOnlyMemory<byte> content, string nodeName)
    {
        ReadOnlySpan<byte> start = content.Span.TrimStart("\uFEFF \t\r\n"u8);
        bool isJson = !start.IsEmpty && start[0] == (byte)'{';
        ReadOnlySpan<byte> json = isJson ? start : YamlJson.Convert(content).Span;
        string revision = Convert.ToHexStringLower(SHA256.HashData(content.Span))[..12];
        var found = new Found(nodeName);
        var reader = new Utf8JsonReader(json, Options);
        try
        {
            while (reader.Read()) found.ReadValue(json, ref reader, null);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException(isJson ? $"line {e.LineNumber + 1}: is not valid JSON" : "is not valid", e);
        }
        catch (InvalidOperationException e)
        {
            throw new InvalidDataException("holds text that is not valid Unicode", e);
        }

        return new ClusterContent(revision, [.. found.Pods], [.. found.Namespaces]);
    }

    private sealed class Found(string nodeName)
    {
        public List<Pod> Pods { get; } = [];

        public List<Namespace> Namespaces { get; } = [];

        /// <summary>Reads the value that the reader is on, to its last token.</summary>
        public void ReadValue(ReadOnlySpan<byte> json, ref Utf8JsonReader reader, string? kindOfItems)
        {
            if (reader.TokenType == JsonTokenType.Null) return;
            // Each object through a reader of its own: one that stops halfway cannot mislead what follows.
            int from = (int)reader.TokenStartIndex;
            if (reader.TokenType != JsonTokenType.StartObject) throw new InvalidDataException("holds something that is no Kubernetes object");
            reader.Skip();
            ReadOnlySpan<byte> text = json[from..(int)reader.BytesConsumed];
            string kind = Kind(text) ?? kindOfItems ?? throw new InvalidDataException("holds an object without kind");
            if (kind.EndsWith("List", StringComparison.Ordinal)) ReadItems(text, kind[..^4]);
            else ReadObject(text, kind);
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

        private void ReadItems(ReadOnlySpan<byte> text, string kindOfItems)
        {
            var reader = new Utf8JsonReader(text);
            reader.Read();
            while (JsonFields.NextProperty(ref reader))
            {
                bool isItems = reader.ValueTextEquals("items"u8);
                reader.Read();
                if (isItems && reader.TokenType == JsonTokenType.StartArray)
                    while (JsonFields.NextItem(ref reader)) ReadValue(text, ref reader, kindOfItems.Length == 0 ? null : kindOfItems);
                else
                    reader.Skip();
            }
        }

        private void ReadObject(ReadOnlySpan<byte> text, string kind)
        {
            var reader = new Utf8JsonReader(text);
            reader.Read();
            if (kind == "Pod")
            {
                Pod pod = PodReader.Read(ref reader);
                if (pod.NodeName == nodeName) Pods.Add(pod);
            }
            else if (kind == "Namespace")
            {
                Namespaces.Add(NamespaceReader.Read(ref reader));
            }
        }
    }
}
