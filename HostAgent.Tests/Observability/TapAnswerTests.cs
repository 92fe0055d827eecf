using System.Net;
using HostAgent.Accounts;
using HostAgent.Deciding;
using HostAgent.Observability;
using HostAgent.Policy;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Tests.Observability;

/// <summary>/tap: for programs of this host, and with who they are.</summary>
public sealed class TapAnswerTests
{
    private readonly HttpClient _client = new(new SocketsHttpHandler { UseProxy = false });
    private readonly LogLines<Taps> _lines = new();

    [OneTimeTearDown]
    public void Close() => _client.Dispose();

    [Test]
    public async Task A_grant_is_a_line_and_lasts_as_long_as_the_connection()
    {
        var taps = new Taps(_lines);
        await using HttpEndpoint endpoint = await StartAsync(taps);
        Task<HttpResponseMessage> asked = AskAsync(endpoint, "/tap?pod=a/p&limits=5%20s", (TapDocument.FilterHeader, "tcp port 80"));
        await Eventually.ThatAsync(() => taps.Wants(Example.Status.Pods[0].Pod), "it is asked for");
        taps.Look(TapScope.Scope, Example.Status, []);
        using HttpResponseMessage response = await asked;
        Assert.That((response.StatusCode, response.Content.Headers.ContentType?.MediaType),
            Is.EqualTo((HttpStatusCode.OK, "application/x-ndjson")));
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync());
        Assert.That(await lines.ReadLineAsync(), Is.EqualTo(
            """{"allowed":true,"pod":"a/p","uid":"u-p","rule":"payments","links":[{"name":"veth1","ifindex":7,"ip":"10.0.0.2"}]}"""));
        response.Dispose();
        await Eventually.ThatAsync(() => _lines.All.Count == 2, "its end is on record");
        Assert.That(_lines.All.First().Text, Does.Contain($"filter tcp port 80, limits 5 s, by 127.0.0.1:")
            .And.Contain($" process {Environment.ProcessId}, user ").And.Match(" command .*dotnet"));
        Assert.That(_lines.All.Last().Text, Does.StartWith("Tap ended: pod a/p, process "));
    }

    [Test]
    public async Task A_refusal_is_a_line_too()
    {
        var taps = new Taps(_lines);
        await using HttpEndpoint endpoint = await StartAsync(taps);
        Task<HttpResponseMessage> asked = AskAsync(endpoint, "/tap?pod=a/nobody");
        await Eventually.ThatAsync(() => taps.Wants(Example.Status.Pods[0].Pod with { Name = "nobody" }), "it is asked for");
        taps.Look(TapScope.Scope, Example.Status, []);
        using HttpResponseMessage response = await asked;
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo(
            """{"allowed":false,"pod":"a/nobody","links":[],"reason":"node n has no pod a/nobody: """
            + "kubectl get pod -o wide says on which node it is\"}\n"));
    }

    [TestCase("/tap", HttpStatusCode.BadRequest)]
    [TestCase("/tap?pod=p", HttpStatusCode.BadRequest)]
    [TestCase("/tap?pod=a/b/c", HttpStatusCode.BadRequest)]
    [TestCase("/tap?pod=a/b%0aTap", HttpStatusCode.BadRequest)]
    [TestCase("/tap?pod=a/b&limits=%1b", HttpStatusCode.BadRequest)]
    [TestCase("/tap?pod=a/b", HttpStatusCode.Forbidden, "Sec-Fetch-Site", "cross-site")]
    [TestCase("/tap?pod=a/b", HttpStatusCode.Forbidden, "Origin", "http://elsewhere.example")]
    [TestCase("/tap?pod=a/b", HttpStatusCode.Forbidden, "Host", "elsewhere.example")]
    public async Task What_is_no_program_of_this_host_gets_nothing(
        string path, HttpStatusCode code, string header = "Accept", string value = "*/*")
    {
        await using HttpEndpoint endpoint = await StartAsync(new Taps(_lines));
        using HttpResponseMessage response = await AskAsync(endpoint, path, (header, value));
        Assert.That(response.StatusCode, Is.EqualTo(code));
    }

    private static Task<HttpEndpoint> StartAsync(Taps taps)
    {
        var metrics = new AgentMetrics(new MetricSources
        {
            Ledger = () => Example.Ledger,
            Status = () => Example.Status,
            Pods = () => [],
            FrameAge = () => new HistogramSnapshot([1], [0, 0], 0),
            PolicyReloadSuccessful = () => true,
        });
        var content = new ServedContent(metrics, Example.Healthy(), () => Example.Status, () => Example.Ledger) { Taps = taps };
        return HttpEndpoint.StartAsync(
            [new IPEndPoint(IPAddress.Loopback, 0)], content, guard: null, NullLoggerFactory.Instance, CancellationToken.None);
    }

    private async Task<HttpResponseMessage> AskAsync(HttpEndpoint endpoint, string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"http://{endpoint.Addresses.Single()}{path}"));
        foreach ((string name, string value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        return await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }
}
