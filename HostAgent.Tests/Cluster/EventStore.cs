using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.RegularExpressions;
using HostAgent.Cluster;
using Microsoft.AspNetCore.Http;

namespace HostAgent.Tests.Cluster;

/// <summary>
/// The part of an API server that keeps events, and refuses what kubernetes/pkg/apis/core/validation/events.go refuses; and the metadata of
/// the agent's own pod.
/// </summary>
internal sealed partial class EventStore
{
    public static readonly PodName Self = new("security", "host-agent-x7");

    public EventStore(ApiServer server) => server.OnRequest = AnswerAsync;

    /// <summary>By namespace and name, as they are stored.</summary>
    public ConcurrentDictionary<string, JsonElement> Events { get; } = new();

    /// <summary>metadata.ownerReferences of the agent's own pod.</summary>
    public string Owners { get; set; } = """
        [{"apiVersion":"v1","kind":"ConfigMap","name":"c","uid":"u-c"},
        {"apiVersion":"apps/v1","kind":"DaemonSet","name":"host-agent","uid":"u-ds","controller":true}]
        """;

    /// <summary>Asked before each write; true when it has answered.</summary>
    public Func<HttpContext, Task<bool>>? Fault { get; set; }

    /// <summary>Each with its reason, its subject and how often it was said.</summary>
    public IEnumerable<string> Told => Events.Values.Select(told => $"{told.GetProperty("reason")} of "
        + $"{told.GetProperty("regarding").GetProperty("kind")} {told.GetProperty("regarding").GetProperty("name")} x{CountOf(told)}");

    private static int CountOf(JsonElement told) =>
        told.TryGetProperty("series", out JsonElement series) ? series.GetProperty("count").GetInt32() : 1;

    private async Task<bool> AnswerAsync(ApiRequest request, HttpContext context)
    {
        string path = context.Request.Path.Value!;
        if (path == $"/api/v1/namespaces/{Self.Namespace}/pods" && request.FieldSelector == $"metadata.name={Self.Name}")
        {
            await context.Response.WriteAsync($$$"""
                {"kind":"PartialObjectMetadataList","items":[{"metadata":{"name":"{{{Self.Name}}}","uid":"u-self",
                "creationTimestamp":"2026-01-02T03:04:05Z","ownerReferences":{{{Owners}}}}}]}
                """);
            return true;
        }

        if (Path().Match(path) is not { Success: true } match) return false;
        if (Fault is { } fault && await fault(context)) return true;
        using JsonDocument body = await JsonDocument.ParseAsync(context.Request.Body);
        (string space, string name) = (match.Groups[1].Value, match.Groups[2].Value);
        if (context.Request is { Method: "POST", ContentType: "application/json" } && name == "")
            await AnswerAsync(context, 201, Refusal(body.RootElement, space), () => Create(space, body.RootElement));
        else if (context.Request is { Method: "PATCH", ContentType: "application/merge-patch+json" })
            await PatchAsync(context, $"{space}/{name}", body.RootElement);
        else
            await ApiServer.StatusAsync(context, 405, $"{context.Request.Method} with {context.Request.ContentType}");
        return true;
    }

    private async Task PatchAsync(HttpContext context, string key, JsonElement patch)
    {
        if (!Events.TryGetValue(key, out JsonElement stored))
        {
            await ApiServer.StatusAsync(context, 404, "not found");
            return;
        }

        JsonElement series = patch.GetProperty("series");
        string? refusal = patch.EnumerateObject().Count() > 1 ? "field is immutable"
            : series.GetProperty("count").GetInt32() < 2 ? "series.count: should be at least 2"
            : !IsMicroTime(series.GetProperty("lastObservedTime")) ? "series.lastObservedTime: cannot parse"
            : null;
        await AnswerAsync(context, 200, refusal, () =>
        {
            var merged = stored.EnumerateObject().Where(field => field.Name != "series").ToDictionary(f => f.Name, f => f.Value);
            merged["series"] = series;
            Events[key] = JsonSerializer.SerializeToElement(merged);
        });
    }

    private static async Task AnswerAsync(HttpContext context, int code, string? refusal, Action store)
    {
        if (refusal is not null)
        {
            await ApiServer.StatusAsync(context, 422, refusal);
            return;
        }

        store();
        context.Response.StatusCode = code;
        await context.Response.WriteAsync("{}");
    }

    private void Create(string space, JsonElement made) =>
        Assert.That(Events.TryAdd($"{space}/{made.GetProperty("metadata").GetProperty("name")}", made.Clone()), "no name is used twice");

    private static string? Refusal(JsonElement made, string space)
    {
        string Text(string field) => made.TryGetProperty(field, out JsonElement value) ? value.GetString()! : "";
        JsonElement metadata = made.GetProperty("metadata"), about = made.GetProperty("regarding");
        return (Text("apiVersion"), Text("kind")) != ("events.k8s.io/v1", "Event") ? "no such kind"
            : metadata.GetProperty("namespace").GetString() != space ? "the namespace is not that of the path"
            : about.GetProperty("namespace").GetString() != space ? "involvedObject.namespace: does not match event.namespace"
            : !Subdomain().IsMatch(metadata.GetProperty("name").GetString()!) ? "metadata.name: invalid"
            : !IsMicroTime(made.GetProperty("eventTime")) ? "eventTime: cannot parse"
            : Text("reportingController") != "host-agent" ? "reportingController: required"
            : Text("reportingInstance") is not { Length: > 0 and <= 128 } ? "reportingInstance: required"
            : Text("action") is not { Length: > 0 and <= 128 } ? "action: required"
            : Text("reason") is not { Length: > 0 and <= 128 } ? "reason: required"
            : System.Text.Encoding.UTF8.GetByteCount(Text("note")) > 1024 ? "note: can have at most 1024 bytes"
            : Text("type") is not ("Normal" or "Warning") ? "type: has invalid value"
            : made.TryGetProperty("deprecatedCount", out _) ? "deprecatedCount: needs to be unset"
            : null;
    }

    /// <summary>Go's time.Parse takes exactly six digits where the layout has six.</summary>
    private static bool IsMicroTime(JsonElement time) => Micro().IsMatch(time.GetString()!);

    [GeneratedRegex("^/apis/events.k8s.io/v1/namespaces/([a-z0-9-]+)/events/?([a-z0-9.-]*)$")]
    private static partial Regex Path();

    [GeneratedRegex(@"^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")]
    private static partial Regex Subdomain();

    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")]
    private static partial Regex Micro();
}
