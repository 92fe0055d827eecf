using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using HostAgent.Accounts;
using HostAgent.Lab;
using HostAgent.Links;
using HostAgent.Observability;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Tests.Observability;

public sealed class HttpEndpointTests
{
    private const string Livez = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";

    private readonly HttpClient _client = new(new SocketsHttpHandler { UseProxy = false });
    private AgentHealth _health = Example.Healthy();
    private Func<LedgerSnapshot> _ledger = () => Example.Ledger;
    private ImmutableArray<PodTraffic> _pods = [];

    [TearDown]
    public void Forget() => _pods = [];

    [OneTimeTearDown]
    public void Close() => _client.Dispose();

    [TestCase("127.0.0.1")]
    [TestCase("::1")]
    public async Task On_loopback_all_is_served(string address)
    {
        await using HttpEndpoint endpoint = await Start(new IPEndPoint(IPAddress.Parse(address), 0));
        IPEndPoint bound = endpoint.Addresses.Single();
        Assert.That(bound.Port, Is.Not.Zero);
        (HttpStatusCode code, string text, string? type) = await Get(bound, "/metrics");
        Assert.That((code, type), Is.EqualTo((HttpStatusCode.OK, "text/plain; version=0.0.4; charset=utf-8")));
        Assert.That(text, Does.Contain("hostagent_frames_seen_total 100\n"));
        (code, text, type) = await Get(bound, "/status");
        Assert.That((code, type), Is.EqualTo((HttpStatusCode.OK, "application/json")));
        Assert.That(JsonDocument.Parse(text).RootElement.GetProperty("ledger").GetProperty("seen").GetInt64(), Is.EqualTo(100));
        Assert.That((await Get(bound, "/livez")).Code, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((await Get(bound, "/readyz")).Code, Is.EqualTo(HttpStatusCode.OK));
        (code, text, _) = await Get(bound, "/nothing");
        Assert.That(code, Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That(text, Does.Contain("/metrics"));
    }

    [TestCase("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5",
        "application/openmetrics-text; version=1.0.0; charset=utf-8", true)]
    [TestCase("text/html, */*;q=0.1", "text/plain; version=0.0.4; charset=utf-8", false)]
    public async Task Metrics_come_in_the_format_that_is_asked_for(string accept, string expected, bool open)
    {
        await using HttpEndpoint endpoint = await Start(new IPEndPoint(IPAddress.Loopback, 0));
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"http://{endpoint.Addresses.Single()}/metrics"));
        request.Headers.TryAddWithoutValidation("Accept", accept);
        using HttpResponseMessage response = await _client.SendAsync(request);
        Assert.That(response.Content.Headers.ContentType?.ToString(), Is.EqualTo(expected));
        string page = await response.Content.ReadAsStringAsync();
        Assert.That(page, open ? Does.EndWith("\n# EOF\n") : Does.Not.Contain("# EOF"));
        Assert.That(page, Does.Contain("hostagent_frames_seen_total 100"));
    }

    [Test]
    public async Task Probes_follow_the_agents_health()
    {
        _health = new AgentHealth();
        Milestone listed = _health.AddMilestone("pods listed");
        await using HttpEndpoint endpoint = await Start(new IPEndPoint(IPAddress.Loopback, 0));
        IPEndPoint bound = endpoint.Addresses.Single();
        Assert.That((await Get(bound, "/readyz")).Code, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        Assert.That((await Get(bound, "/readyz")).Text, Is.EqualTo("[-] pods listed\n"));
        Assert.That((await Get(bound, "/livez")).Code, Is.EqualTo(HttpStatusCode.ServiceUnavailable), "nothing beats yet");
        listed.Reach();
        _health.AddHeartbeat("capture", TimeSpan.FromHours(1));
        Assert.That((await Get(bound, "/readyz")).Code, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((await Get(bound, "/livez")).Code, Is.EqualTo(HttpStatusCode.OK));
    }

    [TestCase("10.111.0.1", "10.111.0.1")]
    [TestCase("0.0.0.0", "10.111.0.1")]
    [TestCase("0.0.0.0", "127.0.0.1")]
    public async Task Elsewhere_only_metrics_and_probes(string listen, string connect)
    {
        using NetworkNamespace node = NetworkNamespace.Create($"ha{Environment.ProcessId}http");
        node.Ip("addr add 10.111.0.1/32 dev lo");
        // A socket stays in the namespace in which it was opened; Kestrel opens its own when it is started.
        await using HttpEndpoint endpoint = NamespaceThread.Run(node.Path, () =>
            Start(new IPEndPoint(IPAddress.Parse(listen), 9460)).GetAwaiter().GetResult());
        string Curl(string path) => NamespaceThread.Run(node.Path,
            () => Raw(IPAddress.Parse(connect), 9460, $"GET {path} HTTP/1.1\r\nHost: {connect}\r\nConnection: close\r\n\r\n"));
        string status = Curl("/status");
        Assert.That(status, Does.StartWith("HTTP/1.1 403 "));
        Assert.That(status, Does.Contain("names the pods of this node").And.Not.Contain("10.0.0.2"));
        Assert.That(Curl("/metrics"), Does.StartWith("HTTP/1.1 200 "));
        Assert.That(Curl("/livez"), Does.StartWith("HTTP/1.1 200 "));
        Assert.That(Curl("/readyz"), Does.StartWith("HTTP/1.1 200 "));
    }

    [Test]
    public async Task A_second_listener_on_loopback_keeps_status()
    {
        using NetworkNamespace node = NetworkNamespace.Create($"ha{Environment.ProcessId}two");
        node.Ip("addr add 10.111.0.1/32 dev lo");
        await using HttpEndpoint endpoint = NamespaceThread.Run(node.Path, () => Start(
            new IPEndPoint(IPAddress.Parse("10.111.0.1"), 9460), new IPEndPoint(IPAddress.Loopback, 9460)).GetAwaiter().GetResult());
        string Curl(string address) => NamespaceThread.Run(node.Path,
            () => Raw(IPAddress.Parse(address), 9460, $"GET /status HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"));
        Assert.That(Curl("127.0.0.1"), Does.StartWith("HTTP/1.1 200 "));
        Assert.That(Curl("10.111.0.1"), Does.StartWith("HTTP/1.1 403 "));
    }

    [Test]
    public async Task What_is_not_a_small_GET_is_refused()
    {
        await using HttpEndpoint endpoint = await Start(new IPEndPoint(IPAddress.Loopback, 0));
        int port = endpoint.Addresses.Single().Port;
        Assert.That(Raw(IPAddress.Loopback, port, "DELETE /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
            Does.StartWith("HTTP/1.1 405 ").And.Contain("Allow: GET, HEAD"));
        Assert.That(Raw(IPAddress.Loopback, port, $"GET /{new string('a', 4000)} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            Does.StartWith("HTTP/1.1 414 "));
        Assert.That(Raw(IPAddress.Loopback, port, $"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: {new string('a', 12000)}\r\n\r\n"),
            Does.StartWith("HTTP/1.1 431 "));
        string many = string.Concat(Enumerable.Range(0, 40).Select(i => $"X{i}: 1\r\n"));
        Assert.That(Raw(IPAddress.Loopback, port, $"GET /metrics HTTP/1.1\r\nHost: localhost\r\n{many}\r\n"),
            Does.StartWith("HTTP/1.1 431 "));
        string head = Raw(IPAddress.Loopback, port, "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        Assert.That(head, Does.StartWith("HTTP/1.1 200 ").And.EndWith("\r\n\r\n"));
        Assert.That(Raw(IPAddress.Loopback, port, "\u0001\u0002\r\n\r\n"), Does.StartWith("HTTP/1.1 400 "));
    }

    // A page of a site whose name was made to lead here, say through a port-forward, names that site.
    [TestCase("/status", "evil.example", 403)]
    [TestCase("/status", "evil.example:9460", 403)]
    [TestCase("/status", "127.0.0.1.evil.example", 403)]
    [TestCase("/status", "localhost.evil.example", 403)]
    [TestCase("/status", "10.0.0.1:9460", 403)]
    [TestCase("/status", "[fd00::1]", 403)]
    [TestCase("/metrics", "evil.example", 403)]
    [TestCase("/livez", "evil.example", 200)]
    [TestCase("/readyz", "evil.example", 200)]
    [TestCase("/status", "localhost", 200)]
    [TestCase("/status", "LocalHost:8080", 200)]
    [TestCase("/status", "127.0.0.1", 200)]
    [TestCase("/status", "127.8.9.1:80", 200)]
    [TestCase("/status", "[::1]", 200)]
    [TestCase("/metrics", "[::1]:9460", 200)]
    public async Task On_loopback_only_loopback_names_get_what_names_pods(string path, string host, int code)
    {
        await using HttpEndpoint endpoint = await Start(new IPEndPoint(IPAddress.Loopback, 0));
        string answer = Raw(IPAddress.Loopback, endpoint.Addresses.Single().Port,
            $"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        Assert.That(answer, Does.StartWith($"HTTP/1.1 {code} "));
        if (code == 403) Assert.That(answer, Does.Contain("http://localhost:PORT").And.Not.Contain("10.0.0.2"));
    }

    [Test]
    public async Task A_request_without_Host_comes_from_no_browser()
    {
        await using HttpEndpoint endpoint = await Start(new IPEndPoint(IPAddress.Loopback, 0));
        Assert.That(Raw(IPAddress.Loopback, endpoint.Addresses.Single().Port, "GET /status HTTP/1.0\r\n\r\n"),
            Does.StartWith("HTTP/1.1 200 "));
    }

    [TestCase("")]
    [TestCase("GET /metrics HTTP/1.1\r\nHost: ")]
    public async Task Half_open_requests_keep_no_probe_and_no_scrape_away(string half)
    {
        await using HttpEndpoint endpoint = await Start(new IPEndPoint(IPAddress.Loopback, 0));
        IPEndPoint at = endpoint.Addresses.Single();
        using Socket scraper = Connect(at);
        Assert.That(Exchange(scraper, Livez, Complete), Does.StartWith("HTTP/1.1 200 "));
        List<Socket> held = [];
        try
        {
            for (int i = 0; i < 100; i++)
            {
                held.Add(Connect(at));
                held[i].Send(Encoding.ASCII.GetBytes(half));
            }

            using Socket probe = Connect(at);
            Assert.That(Exchange(probe, Livez, Complete, seconds: 2), Does.StartWith("HTTP/1.1 200 "), "before any of them times out");
            Assert.That(Exchange(scraper, Livez, Complete, seconds: 2), Does.StartWith("HTTP/1.1 200 "), "what was of use is still there");
        }
        finally
        {
            held.ForEach(socket => socket.Dispose());
        }
    }

    [Test]
    public async Task For_one_connection_too_many_the_longest_idle_goes_and_listeners_share_no_places()
    {
        await using HttpEndpoint endpoint = await Start(new IPEndPoint(IPAddress.Loopback, 0), new IPEndPoint(IPAddress.Loopback, 0));
        using Socket elsewhere = Connect(endpoint.Addresses[1]);
        Assert.That(Exchange(elsewhere, Livez, Complete), Does.StartWith("HTTP/1.1 200 "));
        List<Socket> held = [];
        try
        {
            for (int i = 0; i < HttpEndpoint.MaxConnections; i++)
            {
                held.Add(Connect(endpoint.Addresses[0]));
                Assert.That(Exchange(held[i], Livez, Complete), Does.StartWith("HTTP/1.1 200 "), $"connection {i}");
            }

            // The first is of use again; so the second is the one.
            Assert.That(Exchange(held[0], Livez, Complete), Does.StartWith("HTTP/1.1 200 "));
            Assert.That((await Get(endpoint.Addresses[0], "/livez")).Code, Is.EqualTo(HttpStatusCode.OK));
            Assert.That(Exchange(held[1], Livez, Complete), Is.Empty);
            foreach (int i in Enumerable.Range(0, held.Count).Where(i => i != 1))
                Assert.That(Exchange(held[i], Livez, Complete), Does.StartWith("HTTP/1.1 200 "), $"connection {i}");
            Assert.That(Exchange(elsewhere, Livez, Complete), Does.StartWith("HTTP/1.1 200 "), "of the other listener");
        }
        finally
        {
            held.ForEach(socket => socket.Dispose());
        }
    }

    [Test]
    public async Task Places_of_connections_that_have_ended_are_free_again()
    {
        await using HttpEndpoint endpoint = await Start(new IPEndPoint(IPAddress.Loopback, 0));
        IPEndPoint at = endpoint.Addresses.Single();
        using Socket kept = Connect(at);
        Assert.That(Exchange(kept, Livez, Complete), Does.StartWith("HTTP/1.1 200 "));
        for (int i = 0; i < 5 * HttpEndpoint.MaxConnections; i++)
            Assert.That(Raw(IPAddress.Loopback, at.Port, "GET /livez HTTP/1.0\r\n\r\n"), Does.StartWith("HTTP/1.1 200 "));
        Assert.That(Exchange(kept, Livez, Complete), Does.StartWith("HTTP/1.1 200 "), "nobody needed its place");
    }

    [Test]
    public async Task A_source_that_fails_is_a_500_and_the_next_request_is_served()
    {
        bool broken = true;
        _ledger = () => broken ? throw new InvalidOperationException("secret detail") : Example.Ledger;
        await using HttpEndpoint endpoint = await Start(new IPEndPoint(IPAddress.Loopback, 0));
        (HttpStatusCode code, string text, _) = await Get(endpoint.Addresses.Single(), "/metrics");
        Assert.That(code, Is.EqualTo(HttpStatusCode.InternalServerError));
        Assert.That(text, Does.Not.Contain("secret"));
        Assert.That((await Get(endpoint.Addresses.Single(), "/status")).Code, Is.EqualTo(HttpStatusCode.InternalServerError));
        broken = false;
        Assert.That((await Get(endpoint.Addresses.Single(), "/metrics")).Code, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((await Get(endpoint.Addresses.Single(), "/status")).Code, Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task A_scraper_that_does_not_read_holds_up_no_other()
    {
        // Eight megabytes: more than the kernel takes off the endpoint's hands.
        _pods = [.. Enumerable.Range(0, 10_000).Select(i => new PodTraffic("a", $"{new string('x', 200)}{i}", $"u{i}", i, i, i))];
        await using HttpEndpoint endpoint = await Start(new IPEndPoint(IPAddress.Loopback, 0));
        IPEndPoint at = endpoint.Addresses.Single();
        using var idle = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
        idle.Connect(at);
        idle.Send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"u8);
        Assert.That(idle.Poll(TimeSpan.FromSeconds(10), SelectMode.SelectRead), "its page has begun");
        (HttpStatusCode code, string text, _) = await Get(at, "/metrics");
        Assert.That(code, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(text.Split('\n').Count(line => line.StartsWith("hostagent_pod_", StringComparison.Ordinal)), Is.EqualTo(30_000));
    }

    [Test]
    public async Task A_taken_address_is_named()
    {
        await using HttpEndpoint first = await Start(new IPEndPoint(IPAddress.Loopback, 0));
        IPEndPoint taken = first.Addresses.Single();
        Assert.That(async () => await Start(taken), Throws.InstanceOf<IOException>().With.Message.EqualTo(
            $"cannot listen on {taken}: Address already in use; name another one with --listen"));
    }

    private Task<HttpEndpoint> Start(params ImmutableArray<IPEndPoint> listen)
    {
        var metrics = new AgentMetrics(new MetricSources
        {
            Ledger = () => _ledger(),
            Status = () => Example.Status,
            Pods = () => _pods,
            FrameAge = () => new HistogramSnapshot([1], [0, 0], 0),
            PolicyReloadSuccessful = () => true,
        });
        var content = new ServedContent(metrics, _health, () => Example.Status, () => _ledger());
        return HttpEndpoint.StartAsync(listen, content, guard: null, NullLoggerFactory.Instance, CancellationToken.None);
    }

    private async Task<(HttpStatusCode Code, string Text, string? Type)> Get(IPEndPoint at, string path)
    {
        using HttpResponseMessage response = await _client.GetAsync(new Uri($"http://{at}{path}"));
        return (response.StatusCode, await response.Content.ReadAsStringAsync(), response.Content.Headers.ContentType?.ToString());
    }

    private static Socket Connect(IPEndPoint at)
    {
        var socket = new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(at);
        return socket;
    }

    private static string Raw(IPAddress address, int port, string request)
    {
        using Socket socket = Connect(new IPEndPoint(address, port));
        return Exchange(socket, request, _ => false);
    }

    /// <summary>A probe's answer is in chunks: the last one is empty.</summary>
    private static bool Complete(string answer) => answer.EndsWith("\r\n0\r\n\r\n", StringComparison.Ordinal);

    // Until the peer closes, or what came is enough.
    private static string Exchange(Socket socket, string request, Predicate<string> enough, int seconds = 10)
    {
        socket.ReceiveTimeout = 1000 * seconds;
        var answer = new StringBuilder();
        var buffer = new byte[65536];
        try
        {
            socket.Send(Encoding.Latin1.GetBytes(request));
            while (socket.Receive(buffer) is > 0 and int got)
            {
                answer.Append(Encoding.UTF8.GetString(buffer, 0, got));
                if (enough(answer.ToString())) break;
            }
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
        {
        }

        return answer.ToString();
    }
}
