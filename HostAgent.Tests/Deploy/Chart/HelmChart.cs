using System.Text.Json;
using System.Text.Json.Nodes;
using Json.Schema;
using YamlDotNet.Core;

namespace HostAgent.Tests.Deploy.Chart;

/// <summary>deploy/chart as Helm reads it: values, their schema, templates.</summary>
internal static class HelmChart
{
    private static readonly string Folder = Path.Combine(ManifestTests.Root, "deploy", "chart");

    private static readonly JsonSchema Schema = JsonSchema.FromText(Text("values.schema.json")!);

    public static JsonObject Metadata => KubernetesYaml.Documents(Text("Chart.yaml")!).Single();

    /// <summary>The names of the files in overlays/, without their ending.</summary>
    public static IEnumerable<string> Overlays =>
        Directory.GetFiles(Path.Combine(Folder, "overlays")).Select(file => Path.GetFileNameWithoutExtension(file)).Order();

    public static IEnumerable<string> Templates => Directory.GetFiles(Path.Combine(Folder, "templates"), "*.yaml").Order();

    /// <summary>The chart's own values under those given with -f, a later one over an earlier.</summary>
    /// <param name="given">As YAML.</param>
    public static JsonObject Values(params string[] given)
    {
        var values = new JsonObject();
        foreach (string yaml in given) Merge(values, KubernetesYaml.Documents(yaml).Single());
        JsonObject all = KubernetesYaml.Documents(Text("values.yaml")!).Single();
        Merge(all, values);
        DropNulls(all);
        return all;
    }

    public static string Overlay(string name) => Text($"overlays/{name}.yaml")!;

    /// <summary>What the schema has against the values, each with its place (a JSON pointer).</summary>
    public static string[] Refusals(JsonObject values)
    {
        EvaluationResults results = Schema.Evaluate(
            JsonSerializer.SerializeToElement(values), new EvaluationOptions { OutputFormat = OutputFormat.List });
        // What an if does not find is no fault.
        return results.IsValid
            ? []
            : [.. (results.Details ?? []).Append(results).Where(detail => detail.Errors is not null)
                .Where(detail => !detail.EvaluationPath.ToString().Split('/').Contains("if"))
                .SelectMany(detail => detail.Errors!.Values.Select(error => $"{detail.InstanceLocation}: {error}"))];
    }

    /// <summary>The objects that an install applies.</summary>
    /// <exception cref="InvalidDataException">The schema refuses the values.</exception>
    /// <exception cref="TemplateException">A template is beyond what this reads.</exception>
    public static JsonObject[] Render(JsonObject values, string space = "host-agent")
    {
        if (Refusals(values) is { Length: > 0 } refusals) throw new InvalidDataException(string.Join('\n', refusals));
        return [.. Templates.SelectMany(file => Objects(Path.GetFileName(file), Rendered(file, values, space)))];
    }

    /// <summary>What is printed after an install.</summary>
    public static string Notes(JsonObject values, string space) => Rendered(Path.Combine(Folder, "templates", "NOTES.txt"), values, space);

    private static JsonObject[] Objects(string file, string rendered)
    {
        try
        {
            return KubernetesYaml.Documents(rendered);
        }
        catch (YamlException e)
        {
            throw new TemplateException(file, (int)e.Start.Line, $"{e.Message} (the line is of what it gives)");
        }
    }

    private static string Rendered(string file, JsonObject values, string space)
    {
        var root = new JsonObject
        {
            ["Values"] = values.DeepClone(),
            ["Release"] = new JsonObject { ["Namespace"] = space },
        };
        return new ChartTemplate(Path.GetFileName(file), File.ReadAllText(file), root, Text).Render();
    }

    private static void Merge(JsonObject into, JsonObject from)
    {
        foreach ((string key, JsonNode? value) in from)
        {
            if (into[key] is JsonObject below && value is JsonObject map) Merge(below, map);
            else into[key] = value?.DeepClone();
        }
    }

    private static void DropNulls(JsonObject map)
    {
        foreach ((string key, JsonNode? value) in map.ToList())
        {
            if (value is null) map.Remove(key);
            else if (value is JsonObject below) DropNulls(below);
        }
    }

    private static string? Text(string name)
    {
        string path = Path.Combine(Folder, name);
        return File.Exists(path) ? File.ReadAllText(path) : null;
    }
}
