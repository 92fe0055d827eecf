using System.Collections.Immutable;
using System.Text;
using System.Text.Json;

namespace HostAgent.Cluster;

/// <summary>
/// Steps through untrusted JSON: every method leaves the reader on the last token of the value that it was given. Broken JSON is a
/// <see cref="JsonException"/>, text that is not Unicode an <see cref="InvalidOperationException"/>.
/// </summary>
internal static class JsonFields
{
    /// <summary>On a value's first token: true when it is an object to step through; null counts as absent.</summary>
    public static bool Enter(ref Utf8JsonReader json, ref ObjectFault fault, string field, JsonTokenType kind = JsonTokenType.StartObject)
    {
        if (json.TokenType == kind) return true;
        if (json.TokenType != JsonTokenType.Null)
        {
            fault.Set(field, kind == JsonTokenType.StartObject ? "must be an object" : "must be a list");
            json.Skip();
        }

        return false;
    }

    /// <summary>Passes over the value of the property that the reader is on.</summary>
    public static void SkipValue(ref Utf8JsonReader json)
    {
        json.Read();
        json.Skip();
    }

    /// <summary>
    /// The text of a scalar, null for null. A number or boolean is taken as it is written, which is what somebody who forgot the quotes
    /// in a file of his own meant; the API server sends none.
    /// </summary>
    public static string? Text(ref Utf8JsonReader json, ref ObjectFault fault, string field)
    {
        switch (json.TokenType)
        {
            case JsonTokenType.Null:
                return null;
            case JsonTokenType.String:
                return json.GetString();
            case JsonTokenType.True or JsonTokenType.False or JsonTokenType.Number:
                return json.HasValueSequence ? Encoding.UTF8.GetString(json.ValueSequence) : Encoding.UTF8.GetString(json.ValueSpan);
            default:
                fault.Set(field, "must be text");
                json.Skip();
                return null;
        }
    }

    public static bool Boolean(ref Utf8JsonReader json, ref ObjectFault fault, string field)
    {
        if (json.TokenType is JsonTokenType.True or JsonTokenType.False) return json.GetBoolean();
        if (json.TokenType == JsonTokenType.Null) return false;
        fault.Set(field, "must be true or false");
        json.Skip();
        return false;
    }

    public static ImmutableDictionary<string, string> Labels(ref Utf8JsonReader json, ref ObjectFault fault)
    {
        if (!Enter(ref json, ref fault, "metadata.labels")) return ImmutableDictionary<string, string>.Empty;
        ImmutableDictionary<string, string>.Builder labels = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        while (NextProperty(ref json))
        {
            string key = json.GetString()!;
            json.Read();
            labels[key] = Text(ref json, ref fault, "metadata.labels") ?? "";
        }

        return labels.ToImmutable();
    }

    /// <summary>Steps to the next property of the object that was entered; false at its end.</summary>
    public static bool NextProperty(ref Utf8JsonReader json) => json.Read() && json.TokenType == JsonTokenType.PropertyName;

    /// <summary>Steps to the next element of the list that was entered; false at its end.</summary>
    public static bool NextItem(ref Utf8JsonReader json) => json.Read() && json.TokenType != JsonTokenType.EndArray;
}
