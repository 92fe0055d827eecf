using System.Buffers;
using System.Text;
using System.Text.Json;
using HostAgent.Policy;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace HostAgent.Cluster;

/// <summary>
/// Writes YAML documents as JSON, event by event, so that one reader serves both. Plain true, false and null become what they are in
/// JSON; every other scalar becomes text, so that a label 1.10 or 0x1 is not turned into a number. What is on a line of the YAML is on the
/// same line of the JSON, so that an error can name it.
/// </summary>
internal sealed class YamlJson
{
    /// <summary>Deeper than any Kubernetes object.</summary>
    private const int DeepestNesting = 60;

    private readonly Parser _parser;
    private readonly ArrayBufferWriter<byte> _output;
    private long _line = 1;

    private YamlJson(TextReader text, ArrayBufferWriter<byte> output)
    {
        _parser = new Parser(new Scanner(text, skipComments: true));
        _output = output;
    }

    /// <returns>The documents one after the other.</returns>
    /// <exception cref="InvalidDataException">It is not YAML, or uses what kubectl never prints; the message has the line.</exception>
    public static ReadOnlyMemory<byte> Convert(ReadOnlyMemory<byte> yaml)
    {
        var output = new ArrayBufferWriter<byte>(yaml.Length + 256);
        try
        {
            using var text = new StreamReader(
                new MemoryStream(yaml.ToArray(), writable: false), new UTF8Encoding(false, throwOnInvalidBytes: true));
            new YamlJson(text, output).WriteDocuments();
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

    private void WriteDocuments()
    {
        while (_parser.MoveNext())
        {
            if (_parser.Current is not DocumentStart) continue;
            _parser.MoveNext();
            using (var json = new Utf8JsonWriter(_output, new JsonWriterOptions { SkipValidation = true })) WriteNode(json, 0);
            _output.Write(" "u8);
        }
    }

    /// <summary>Leaves the parser on the node's last event.</summary>
    private void WriteNode(Utf8JsonWriter json, int depth)
    {
        ParsingEvent current = _parser.Current!;
        if (depth > DeepestNesting) throw Invalid(current, $"nested deeper than {DeepestNesting} levels");
        if (current is AnchorAlias or NodeEvent { Anchor.IsEmpty: false }) throw Invalid(current, "anchors and aliases are not accepted");
        KeepLine(json, current);
        switch (current)
        {
            case Scalar scalar:
                WriteScalar(scalar, json);
                break;
            case SequenceStart:
                json.WriteStartArray();
                while (_parser.MoveNext() && _parser.Current is not SequenceEnd) WriteNode(json, depth + 1);
                json.WriteEndArray();
                break;
            case MappingStart:
                json.WriteStartObject();
                while (_parser.MoveNext() && _parser.Current is not MappingEnd)
                {
                    if (_parser.Current is not Scalar key) throw Invalid(_parser.Current!, "a key must be text");
                    json.WritePropertyName(key.Value);
                    _parser.MoveNext();
                    WriteNode(json, depth + 1);
                }

                json.WriteEndObject();
                break;
            default:
                throw Invalid(current, "a value is missing");
        }
    }

    /// <summary>Line ends are no part of any value, so they may stand before each.</summary>
    private void KeepLine(Utf8JsonWriter json, ParsingEvent current)
    {
        if (_line >= current.Start.Line) return;
        json.Flush();
        for (; _line < current.Start.Line; _line++) _output.Write("\n"u8);
    }

    private static void WriteScalar(Scalar scalar, Utf8JsonWriter json)
    {
        bool plain = scalar.Style == ScalarStyle.Plain;
        if (plain && YamlScalars.IsNull(scalar.Value)) json.WriteNullValue();
        else if (plain && YamlScalars.Boolean(scalar.Value) is { } boolean) json.WriteBooleanValue(boolean);
        else json.WriteStringValue(scalar.Value);
    }

    private static InvalidDataException Invalid(ParsingEvent at, string why) => new($"line {at.Start.Line}: {why}");
}
