using System.Text.Json;
using HostAgent.Cluster;
using HostAgent.Tests.Cluster;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Tests.Observability;

/// <summary>An API server that knows the tokens of some accounts, and what each may get.</summary>
internal sealed class ReviewingApi : IAsyncDisposable
{
    public const string Reader = "token-of-prometheus";
    public const string Viewer = "token-of-an-operator";
    public const string Stranger = "token-of-a-pod";

    private readonly KubernetesApi _client;

    private ReviewingApi(ApiServer server)
    {
        Server = server;
        server.OnRequest = AnswerAsync;
        _client = new KubernetesApi(server.Credentials, "n", NullLogger<KubernetesApi>.Instance);
    }

    public ApiServer Server { get; }

    /// <summary>By token: the account's name, and the paths that it may get.</summary>
    public Dictionary<string, (string Name, string[] Paths)> Accounts { get; } = new()
    {
        [Reader] = ("system:serviceaccount:monitoring:prometheus", ["/metrics"]),
        [Viewer] = ("system:serviceaccount:security:operator", ["/metrics", "/status"]),
        [Stranger] = ("system:serviceaccount:shop:web", []),
    };

    public AccessReviews Reviews => _client.Reviews;

    /// <summary>Asked before each review; true when it has answered.</summary>
    public Func<HttpContext, Task<bool>>? Fault { get; set; }

    public static async Task<ReviewingApi> StartAsync() => new(await ApiServer.StartAsync());

    /// <summary>How often it was asked.</summary>
    public int Asked(string resource) => Server.Requests.Count(request => request.Resource == resource);

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await Server.DisposeAsync();
    }

    private async Task<bool> AnswerAsync(ApiRequest request, HttpContext context)
    {
        if (request.Resource is not ("tokenreviews" or "subjectaccessreviews")) return false;
        if (Fault is { } fault && await fault(context)) return true;
        using JsonDocument body = await JsonDocument.ParseAsync(context.Request.Body);
        JsonElement spec = body.RootElement.GetProperty("spec");
        string kind = body.RootElement.GetProperty("kind").GetString()!;
        string version = body.RootElement.GetProperty("apiVersion").GetString()!;
        string status = (request.Resource, version, kind, context.Request.Method) switch
        {
            ("tokenreviews", "authentication.k8s.io/v1", "TokenReview", "POST") => Owner(spec.GetProperty("token").GetString()!),
            ("subjectaccessreviews", "authorization.k8s.io/v1", "SubjectAccessReview", "POST") => Verdict(spec),
            _ => throw new InvalidOperationException($"{context.Request.Method} of a {kind} of {version}"),
        };
        context.Response.StatusCode = StatusCodes.Status201Created;
        await context.Response.WriteAsync($$$"""
            {"kind":"{{{kind}}}","apiVersion":"{{{version}}}","metadata":{"creationTimestamp":null},"spec":{},"status":{{{status}}} }
            """);
        return true;
    }

    private string Owner(string token) => Accounts.TryGetValue(token, out (string Name, string[] Paths) account)
        ? $$$"""
            {"authenticated":true,"audiences":["api"],"user":{"username":"{{{account.Name}}}","uid":"7","groups":["system:authenticated"],
            "extra":{"authentication.kubernetes.io/pod-name":["prometheus-0"]} } }
            """
        : """{"authenticated":false,"user":{},"error":"[invalid bearer token, token lookup failed]"}""";

    /// <summary>As an authorizer that goes by all that the agent was told of the account.</summary>
    private string Verdict(JsonElement spec)
    {
        JsonElement asked = spec.GetProperty("nonResourceAttributes");
        string[] paths = Accounts.Values.Single(account => account.Name == spec.GetProperty("user").GetString()).Paths;
        bool allowed = asked.GetProperty("verb").GetString() == "get" && paths.Contains(asked.GetProperty("path").GetString())
            && spec.GetProperty("uid").GetString() == "7" && spec.GetProperty("groups")[0].GetString() == "system:authenticated"
            && spec.GetProperty("extra").GetProperty("authentication.kubernetes.io/pod-name")[0].GetString() == "prometheus-0";
        return allowed ? """{"allowed":true}""" : """{"allowed":false,"reason":"no rule"}""";
    }
}
