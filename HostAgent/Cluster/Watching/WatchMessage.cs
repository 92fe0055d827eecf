using System.Text.Json;

namespace HostAgent.Cluster;

/// <summary>One value of a watch stream (meta/v1 WatchEvent), taken apart as far as its type and its object's version.</summary>
internal readonly ref struct WatchMessage
{
    private WatchMessage(string type, ReadOnlySpan<byte> @object, string resourceVersion)
    {
        Type = type;
        Object = @object;
        ResourceVersion = resourceVersion;
    }

    /// <summary>ADDED, MODIFIED, DELETED, BOOKMARK or ERROR.</summary>
    public string Type { get; }

    /// <summary>The JSON text of the object.</summary>
    public ReadOnlySpan<byte> Object { get; }

    /// <summary>The object's metadata.resourceVersion; empty for ERROR, whose object is a Status.</summary>
    public string ResourceVersion { get; }

    /// <exception cref="InvalidDataException">It is no event.</exception>
    public static WatchMessage Read(ReadOnlySpan<byte> text)
    {
        string? type = null;
        ReadOnlySpan<byte> @object = default;
        var fault = new ObjectFault();
        var json = new Utf8JsonReader(text);
        json.Read();
        while (JsonFields.NextProperty(ref json))
        {
            bool isType = json.ValueTextEquals("type"u8);
            bool isObject = json.ValueTextEquals("object"u8);
            json.Read();
            if (isType) type = JsonFields.Text(ref json, ref fault, "type");
            else if (isObject && json.TokenType == JsonTokenType.StartObject) @object = Slice(text, ref json);
            else json.Skip();
        }

        if (type is null || @object.IsEmpty) throw new InvalidDataException("a watch event has no type or no object");
        string version = type == "ERROR" ? "" : Version(@object);
        return new WatchMessage(type, @object, version);
    }

    private static ReadOnlySpan<byte> Slice(ReadOnlySpan<byte> text, scoped ref Utf8JsonReader json)
    {
        int from = (int)json.TokenStartIndex;
        json.Skip();
        return text[from..(int)json.BytesConsumed];
    }

    private static string Version(ReadOnlySpan<byte> text)
    {
        var fault = new ObjectFault();
        var json = new Utf8JsonReader(text);
        json.Read();
        while (JsonFields.NextProperty(ref json))
        {
            bool isMetadata = json.ValueTextEquals("metadata"u8);
            json.Read();
            if (!isMetadata || json.TokenType != JsonTokenType.StartObject)
            {
                json.Skip();
                continue;
            }

            while (JsonFields.NextProperty(ref json))
            {
                bool isVersion = json.ValueTextEquals("resourceVersion"u8);
                json.Read();
                if (isVersion && JsonFields.Text(ref json, ref fault, "") is { Length: > 0 } version) return version;
                json.Skip();
            }
        }

        throw new InvalidDataException("an object of a watch has no resourceVersion");
    }
}
