using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace HostAgent.Tests.Deploy.Chart;

/// <summary>
/// YAML as Helm, kustomize and the API server read it (sigs.k8s.io/yaml): 1.1, in which a plain <c>on</c> is true and <c>0400</c> is 256.
/// </summary>
internal static partial class KubernetesYaml
{
    /// <summary>The documents that are not empty.</summary>
    /// <exception cref="YamlException">It is not YAML.</exception>
    public static JsonObject[] Documents(string yaml)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(yaml));
        return [.. stream.Documents.Select(document => Json(document.RootNode)).OfType<JsonObject>()];
    }

    /// <summary>Block style, as toYaml writes it; all texts are quoted.</summary>
    public static string Block(JsonNode? node)
    {
        var text = new StringWriter();
        new YamlStream(new YamlDocument(Yaml(node))).Save(text, assignAnchors: false);
        return DocumentEnd().Replace(text.ToString(), "");
    }

    private static JsonNode? Json(YamlNode node) => node switch
    {
        YamlMappingNode map => new JsonObject(
            map.Select(pair => KeyValuePair.Create(((YamlScalarNode)pair.Key).Value!, Json(pair.Value)))),
        YamlSequenceNode list => new JsonArray([.. list.Select(Json)]),
        YamlScalarNode { Style: ScalarStyle.Plain, Value: { } plain } => Plain(plain),
        _ => ((YamlScalarNode)node).Value,
    };

    private static JsonNode? Plain(string text) => text switch
    {
        "" or "~" or "null" or "Null" or "NULL" => null,
        "true" or "True" or "TRUE" or "on" or "On" or "ON" or "yes" or "Yes" or "YES" or "y" or "Y" => true,
        "false" or "False" or "FALSE" or "off" or "Off" or "OFF" or "no" or "No" or "NO" or "n" or "N" => false,
        _ when Octal().IsMatch(text) => Convert.ToInt64(text, 8),
        _ when Integer().IsMatch(text) => long.Parse(text),
        _ when Real().IsMatch(text) => double.Parse(text),
        _ => text,
    };

    private static YamlNode Yaml(JsonNode? node) => node switch
    {
        JsonObject map => new YamlMappingNode(
            map.OrderBy(pair => pair.Key, StringComparer.Ordinal).SelectMany(pair => new[] { Quoted(pair.Key), Yaml(pair.Value) })),
        JsonArray list => new YamlSequenceNode(list.Select(Yaml)),
        JsonValue value when value.TryGetValue(out string? text) => Quoted(text),
        _ => new YamlScalarNode(node?.ToJsonString() ?? "null"),
    };

    private static YamlScalarNode Quoted(string text) => new(text) { Style = ScalarStyle.DoubleQuoted };

    [GeneratedRegex(@"\A0[0-7]+\z")]
    private static partial Regex Octal();

    [GeneratedRegex(@"\A[-+]?[0-9]+\z")]
    private static partial Regex Integer();

    [GeneratedRegex(@"\A[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?\z")]
    private static partial Regex Real();

    [GeneratedRegex(@"(\n\.\.\.)?\s*\z")]
    private static partial Regex DocumentEnd();
}
