using System.Buffers;
using System.Text;
using System.Text.Json;
using HostAgent.Configuration;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace HostAgent.Cluster;

/// <summary>
/// Writes YAML documents as JSON, event by event, so that one reader serves both. Plain true, false and null become what they are in
/// JSON; every other scalar becomes text, so that a label 1.10 or 0x1 is not turned into a number.
/// </summary>
internal static class YamlJson
{
    /// <summary>Deeper than any Kubernetes object.</summary>
    private const int DeepestNesting = 60;

    /// <returns>The documents one after the other.</returns>
    /// <exception cref="InvalidDataException">It is not YAML, or uses what kubectl never prints; the message has the line.</exception>
    public static ReadOnlyMemory<byte> Convert(ReadOnlyMemory<byte> yaml)
    {
        var output = new ArrayBufferWriter<byte>(yaml.Length + 256);
        try
        {
            using var text = new StreamReader(new MemoryStream(yaml.ToArray(), writable: false), new UTF8Encoding(false, throwOnInvalidBytes: true));
            var parser = new Parser(new Scanner(text, skipComments: true));
            while (parser.MoveNext())
            {
                if (parser.Current is not DocumentStart) continue;
                parser.MoveNext();
                using (var json = new Utf8JsonWriter(output, new JsonWriterOptions { SkipValidation = true })) WriteNode(parser, json, 0);
                output.Write("\n"u8);
            }
        }
        catch (YamlException e)
        {
            throw new InvalidDataException($"line {e.Start.Line}: is not valid YAML: {YamlPath.Quote(e.Message)}", e);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or FormatException or IndexOutOfRangeException
            or NullReferenceException or OverflowException)
        {
            throw new InvalidDataException($"is not valid YAML in UTF-8: {YamlPath.Quote(e.Message)}", e);
        }

        return output.WrittenMemory;
    }

    /// <summary>Leaves the parser on the node's last event.</summary>
    private static void WriteNode(Parser parser, Utf8JsonWriter json, int depth)
    {
        ParsingEvent current = parser.Current!;
        if (depth > DeepestNesting) throw Refused(current, $"nested deeper than {DeepestNesting} levels");
        if (current is AnchorAlias or NodeEvent { Anchor.IsEmpty: false }) throw Refused(current, "anchors and aliases are not accepted");
        switch (current)
        {
            case Scalar scalar:
                WriteScalar(scalar, json);
                break;
            case SequenceStart:
                json.WriteStartArray();
                while (parser.MoveNext() && parser.Current is not SequenceEnd) WriteNode(parser, json, depth + 1);
                json.WriteEndArray();
                break;
            case MappingStart:
                json.WriteStartObject();
                while (parser.MoveNext() && parser.Current is not MappingEnd)
                {
                    if (parser.Current is not Scalar key) throw Refused(parser.Current!, "a key must be text");
                    json.WritePropertyName(key.Value);
                    parser.MoveNext();
                    WriteNode(parser, json, depth + 1);
                }

                json.WriteEndObject();
                break;
            default:
                throw Refused(current, "a value is missing");
        }
    }

    private static void WriteScalar(Scalar scalar, Utf8JsonWriter json)
    {
        bool plain = scalar.Style == ScalarStyle.Plain;
        if (plain && YamlScalars.IsNull(scalar.Value)) json.WriteNullValue();
        else if (plain && YamlScalars.Boolean(scalar.Value) is { } boolean) json.WriteBooleanValue(boolean);
        else json.WriteStringValue(scalar.Value);
    }

    private static InvalidDataException Refused(ParsingEvent at, string why) => new($"line {at.Start.Line}: {why}");
}
