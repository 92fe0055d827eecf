using System.Text.Json.Nodes;

namespace HostAgent.Tests.Deploy.Chart;

/// <summary>How tests look at objects of Kubernetes.</summary>
internal static class KubernetesObject
{
    /// <summary>Such as "DaemonSet host-agent/host-agent".</summary>
    public static string Identity(JsonObject one)
    {
        string space = one["metadata"]!["namespace"] is { } named ? $"{named}/" : "";
        return $"{one["kind"]} {space}{one["metadata"]!["name"]}";
    }

    public static JsonObject Only(IEnumerable<JsonObject> objects, string kind, string name) =>
        objects.Single(one => Text(one, "kind") == kind && Text(one, "metadata", "name") == name);

    /// <summary>The agent's, as its DaemonSet makes it.</summary>
    public static JsonNode Pod(IEnumerable<JsonObject> objects) =>
        Only(objects, "DaemonSet", "host-agent")["spec"]!["template"]!["spec"]!;

    public static string[] Names(JsonNode? list) => [.. list!.AsArray().Select(item => (string)item!["name"]!)];

    public static string[] Texts(JsonNode? list) => [.. list!.AsArray().Select(item => (string)item!)];

    public static string Text(JsonNode node, params string[] path) => (string)path.Aggregate(node, (at, key) => at[key]!)!;

    /// <summary>With the keys of every map in order, in which they do not count.</summary>
    public static JsonNode Canonical(JsonNode node) => node switch
    {
        JsonObject map => new JsonObject(map.OrderBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => KeyValuePair.Create(pair.Key, pair.Value is null ? null : Canonical(pair.Value)))),
        JsonArray list => new JsonArray([.. list.Select(item => item is null ? null : Canonical(item))]),
        _ => node.DeepClone(),
    };
}
