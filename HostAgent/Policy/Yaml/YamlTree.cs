using System.Collections.Immutable;
using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace HostAgent.Policy;

/// <summary>
/// Reads one small YAML document from an untrusted source into nodes that know their lines. Built on the parser's events rather than on
/// its document model, because that one stops at the first duplicate key, recurses without limit and expands aliases.
/// </summary>
internal sealed class YamlTree
{
    private const int DeepestNesting = 32;
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly PolicyErrors _errors;
    private readonly Parser _parser;

    private YamlTree(string text, PolicyErrors errors)
    {
        _errors = errors;
        _parser = new Parser(new Scanner(new StringReader(text), skipComments: true));
    }

    /// <returns>The document, or null when it could not be read to its end; then there are errors.</returns>
    public static YamlNode? Read(ReadOnlySpan<byte> content, PolicyErrors errors)
    {
        string text;
        try
        {
            text = StrictUtf8.GetString(content);
        }
        catch (DecoderFallbackException e)
        {
            int line = 1 + content[..Math.Clamp(e.Index, 0, content.Length)].Count((byte)'\n');
            errors.Add(line, YamlPath.Root, "is not UTF-8 text");
            return null;
        }

        try
        {
            return new YamlTree(text.TrimStart('\uFEFF'), errors).ReadDocument();
        }
        catch (YamlException e)
        {
            errors.Add(Line(e.Start), YamlPath.Root, $"is not valid YAML: {YamlPath.Quote(e.Message)}");
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or FormatException or IndexOutOfRangeException
            or NullReferenceException or OverflowException)
        {
            // Whatever the parser's own slip on hostile input is, it is the file that is refused, not the agent that ends.
            errors.Add(1, YamlPath.Root, $"is not valid YAML: {YamlPath.Quote(e.Message)}");
        }

        return null;
    }

    private static int Line(Mark mark) => (int)Math.Clamp(mark.Line, 1, int.MaxValue);

    private ParsingEvent Next()
    {
        if (!_parser.MoveNext()) throw new YamlException("the document ends too early");
        return _parser.Current!;
    }

    private YamlNode? ReadDocument()
    {
        Next();
        if (Next() is StreamEnd)
        {
            _errors.Add(1, YamlPath.Root, "is empty; a policy starts with apiVersion: hostagent/v1");
            return null;
        }

        YamlNode? root = ReadNode(Next(), YamlPath.Root, 0);
        if (root is null) return null;
        Next();
        if (Next() is DocumentStart second)
        {
            _errors.Add(Line(second.Start), YamlPath.Root, "a second document starts here; a policy file holds one");
            return null;
        }

        return root;
    }

    /// <returns>Null when reading cannot go on.</returns>
    private YamlNode? ReadNode(ParsingEvent start, YamlPath path, int depth)
    {
        int line = Line(start.Start);
        if (depth > DeepestNesting)
        {
            _errors.Add(line, path, $"is nested deeper than {DeepestNesting} levels");
            return null;
        }

        if (start is AnchorAlias)
        {
            _errors.Add(line, path, "aliases are not accepted; write the value out");
            return new YamlNode.Invalid(line, path);
        }

        bool refused = start is NodeEvent node && Refuses(node, line, path);
        YamlNode? read = start switch
        {
            Scalar scalar => new YamlNode.Scalar(line, path, scalar.Value, scalar.Style == ScalarStyle.Plain),
            SequenceStart => ReadSequence(line, path, depth),
            MappingStart => ReadMapping(line, path, depth),
            _ => throw new YamlException(start.Start, start.End, "a value is missing"),
        };
        return refused && read is not null ? new YamlNode.Invalid(line, path) : read;
    }

    private bool Refuses(NodeEvent node, int line, YamlPath path)
    {
        if (!node.Anchor.IsEmpty) _errors.Add(line, path, "anchors are not accepted; write the value where it is needed");
        if (!node.Tag.IsEmpty) _errors.Add(line, path, "tags are not accepted; quotes make a value text");
        return !node.Tag.IsEmpty;
    }

    private YamlNode.Sequence? ReadSequence(int line, YamlPath path, int depth)
    {
        ImmutableArray<YamlNode>.Builder items = ImmutableArray.CreateBuilder<YamlNode>();
        while (Next() is var next and not SequenceEnd)
        {
            if (ReadNode(next, path.Item(items.Count), depth + 1) is not { } item) return null;
            items.Add(item);
        }

        return new YamlNode.Sequence(line, path, items.ToImmutable());
    }

    private YamlNode.Mapping? ReadMapping(int line, YamlPath path, int depth)
    {
        var entries = ImmutableArray.CreateBuilder<KeyValuePair<YamlNode.Scalar, YamlNode>>();
        var lines = new Dictionary<string, int>(StringComparer.Ordinal);
        while (Next() is var next and not MappingEnd)
        {
            YamlPath keyPath = next is Scalar named ? path.Key(named.Value) : path;
            if (ReadNode(next, keyPath, depth + 1) is not { } key) return null;
            if (ReadNode(Next(), keyPath, depth + 1) is not { } value) return null;
            if (key is not YamlNode.Scalar text)
            {
                if (key is not YamlNode.Invalid) _errors.Add(key.Line, path, $"a key must be text, is {key.Kind}");
            }
            else if (!lines.TryAdd(text.Text, text.Line))
            {
                _errors.Add(text, $"is given twice, first on line {lines[text.Text]}");
            }
            else
            {
                entries.Add(new(text, value));
            }
        }

        return new YamlNode.Mapping(line, path, entries.ToImmutable());
    }
}
