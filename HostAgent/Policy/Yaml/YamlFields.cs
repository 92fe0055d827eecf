using System.Globalization;

namespace HostAgent.Policy;

/// <summary>The fields of a mapping with a closed set of keys; every misuse becomes an error with its place.</summary>
internal sealed class YamlFields
{
    private readonly Dictionary<string, YamlNode> _values = new(StringComparer.Ordinal);
    private readonly PolicyErrors _errors;

    private YamlFields(YamlNode.Mapping mapping, PolicyErrors errors, string[] known)
    {
        Node = mapping;
        _errors = errors;
        foreach ((YamlNode.Scalar key, YamlNode value) in mapping.Entries)
        {
            if (known.Contains(key.Text)) _values.Add(key.Text, value);
            else errors.Add(key, $"unknown key; {Suggestion.For(key.Text, known)}");
        }
    }

    public YamlNode Node { get; }

    /// <returns>Null, with an error, when <paramref name="node"/> is no mapping.</returns>
    public static YamlFields? Of(YamlNode node, PolicyErrors errors, params string[] known)
    {
        if (node is YamlNode.Mapping mapping) return new YamlFields(mapping, errors, known);
        errors.WrongType(node, $"a mapping with {string.Join(", ", known)}");
        return null;
    }

    public YamlNode? Optional(string key) => _values.GetValueOrDefault(key);

    public YamlNode? Required(string key, string mend)
    {
        if (_values.TryGetValue(key, out YamlNode? value)) return value;
        _errors.Add(Node.Line, Node.Path.Key(key), $"is missing; {mend}");
        return null;
    }

    /// <summary>The text of a scalar; null with an error when it is something else.</summary>
    public string? Text(YamlNode? node)
    {
        if (node is null) return null;
        if (node is YamlNode.Scalar scalar && YamlScalars.IsText(scalar)) return scalar.Text;
        bool unquoted = node is YamlNode.Scalar { Text: not "" };
        _errors.WrongType(node, unquoted
            ? $"text (\"{((YamlNode.Scalar)node).Text[..Math.Min(64, ((YamlNode.Scalar)node).Text.Length)]}\", in quotes)"
            : "text");
        return null;
    }

    /// <summary>What is written, text or not, such as a number; null with an error when it is nothing or no scalar.</summary>
    /// <param name="node">Null when there is no such key.</param>
    /// <param name="allowed">What may stand there, for the error.</param>
    public string? Written(YamlNode? node, string allowed)
    {
        if (node is null) return null;
        if (node is YamlNode.Scalar { Text: not "" and var text }) return text;
        _errors.WrongType(node, allowed);
        return null;
    }

    /// <summary>One of a few words.</summary>
    public string? Word(YamlNode? node, params string[] words)
    {
        string allowed = string.Join(" or ", words);
        if (Written(node, allowed) is not { } text) return null;
        if (YamlScalars.IsText((YamlNode.Scalar)node!) && words.Contains(text)) return text;
        _errors.Add(node!, $"must be {allowed}, is {YamlPath.Quote(text)}; {Suggestion.For(text, words)}");
        return null;
    }

    /// <summary>True or false, not in quotes.</summary>
    public bool? Flag(YamlNode? node)
    {
        const string allowed = "true or false";
        if (Written(node, allowed) is not { } text) return null;
        bool? flag = ((YamlNode.Scalar)node!).Plain ? YamlScalars.Boolean(text) : null;
        if (flag is null) _errors.Add(node, $"must be {allowed} without quotes, is {YamlPath.Quote(text)}");
        return flag;
    }

    /// <summary>A whole number in decimal digits.</summary>
    public int? Number(YamlNode? node, int least, int most)
    {
        if (node is null) return null;
        if (node is not YamlNode.Scalar scalar)
        {
            _errors.WrongType(node, $"a number from {least} to {most}");
            return null;
        }

        bool digits = scalar.Plain && int.TryParse(scalar.Text, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            && number >= least && number <= most && (scalar.Text.Length == 1 || scalar.Text[0] != '0');
        if (digits) return int.Parse(scalar.Text, NumberStyles.None, CultureInfo.InvariantCulture);
        _errors.Add(node, $"must be a number from {least} to {most} in decimal digits without quotes, is {YamlPath.Quote(scalar.Text)}");
        return null;
    }
}
