using System.Collections.Immutable;

namespace HostAgent.Policy;

/// <summary>Reads meta/v1 LabelSelector and refuses what Kubernetes would refuse.</summary>
internal static class LabelSelectorReader
{
    public static LabelSelector? Read(YamlNode? node, PolicyErrors errors)
    {
        if (node is null || YamlFields.Of(node, errors, "matchLabels", "matchExpressions") is not { } fields) return null;
        ImmutableArray<LabelRequirement>.Builder requirements = ImmutableArray.CreateBuilder<LabelRequirement>();
        int before = errors.Count;
        if (fields.Optional("matchLabels") is { } labels) ReadLabels(labels, fields, requirements, errors);
        if (fields.Optional("matchExpressions") is { } expressions)
        {
            if (expressions is not YamlNode.Sequence list) errors.WrongType(expressions, "a list");
            else foreach (YamlNode item in list.Items) ReadExpression(item, requirements, errors);
        }

        var selector = new LabelSelector(requirements.ToImmutable());
        if (errors.Count == before && new LabelSpace(selector).Contradiction is { } key)
            errors.Add(node, $"selects nothing: no label {YamlPath.Quote(key)} is all that it asks for; remove what contradicts the rest");
        return selector;
    }

    private static void ReadLabels(
        YamlNode node, YamlFields fields, ImmutableArray<LabelRequirement>.Builder requirements, PolicyErrors errors)
    {
        if (node is not YamlNode.Mapping mapping)
        {
            errors.WrongType(node, "a mapping of label keys to values");
            return;
        }

        foreach ((YamlNode.Scalar key, YamlNode value) in mapping.Entries)
        {
            if (!LabelSyntax.IsKey(key.Text)) errors.Add(key, $"{YamlPath.Quote(key.Text)} is no label key; {LabelSyntax.KeyRule}");
            if (Value(value, fields, errors) is { } text) requirements.Add(new LabelRequirement(key.Text, LabelOperator.In, [text]));
        }
    }

    private static void ReadExpression(YamlNode node, ImmutableArray<LabelRequirement>.Builder requirements, PolicyErrors errors)
    {
        if (YamlFields.Of(node, errors, "key", "operator", "values") is not { } fields) return;
        YamlNode? keyNode = fields.Required("key", "name the label");
        string? key = fields.Text(keyNode);
        if (key is not null && !LabelSyntax.IsKey(key))
            errors.Add(keyNode!, $"{YamlPath.Quote(key)} is no label key; {LabelSyntax.KeyRule}");
        string? word = fields.Word(fields.Required("operator", "one of In, NotIn, Exists, DoesNotExist"), Enum.GetNames<LabelOperator>());
        ImmutableArray<string> values = ReadValues(fields, errors);
        if (word is null) return;
        var @operator = Enum.Parse<LabelOperator>(word);
        bool takesValues = @operator is LabelOperator.In or LabelOperator.NotIn;
        bool empty = fields.Optional("values") is null or YamlNode.Sequence { Items.Length: 0 };
        if (takesValues && empty) errors.Add(fields.Optional("values") ?? node, $"{word} needs at least one entry in values");
        if (!takesValues && !empty) errors.Add(fields.Optional("values")!, $"{word} takes no values; remove them, or use In or NotIn");
        if (key is not null) requirements.Add(new LabelRequirement(key, @operator, values));
    }

    private static ImmutableArray<string> ReadValues(YamlFields fields, PolicyErrors errors)
    {
        YamlNode? node = fields.Optional("values");
        if (node is YamlNode.Sequence list) return [.. list.Items.Select(item => Value(item, fields, errors)).OfType<string>()];
        if (node is not null) errors.WrongType(node, "a list of label values");
        return [];
    }

    private static string? Value(YamlNode node, YamlFields fields, PolicyErrors errors)
    {
        if (fields.Text(node) is not { } text) return null;
        if (LabelSyntax.IsValue(text)) return text;
        errors.Add(node, $"{YamlPath.Quote(text)} is no label value; {LabelSyntax.ValueRule}");
        return null;
    }
}
