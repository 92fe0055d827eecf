using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using HostAgent.Demo;
using HostAgent.Links;
using HostAgent.Observability;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Tests.Observability;

public sealed class HttpEndpointTests
{
    private readonly HttpClient _client = new(new SocketsHttpHandler { UseProxy = false });
    private AgentHealth _health = Example.Healthy();
    private Func<LedgerSnapshot> _ledger = () => Example.Ledger;

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
        string Curl(string path) => NamespaceThread.Run(node.Path, () => Raw(IPAddress.Parse(connect), 9460, $"GET {path} HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n"));
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
            () => Raw(IPAddress.Parse(address), 9460, "GET /status HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n"));
        Assert.That(Curl("127.0.0.1"), Does.StartWith("HTTP/1.1 200 "));
        Assert.That(Curl("10.111.0.1"), Does.StartWith("HTTP/1.1 403 "));
    }

    [Test]
    public async Task What_is_not_a_small_GET_is_refused()
    {
        await using HttpEndpoint endpoint = await Start(new IPEndPoint(IPAddress.Loopback, 0));
        int port = endpoint.Addresses.Single().Port;
        Assert.That(Raw(IPAddress.Loopback, port, "DELETE /metrics HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n"),
            Does.StartWith("HTTP/1.1 405 ").And.Contain("Allow: GET, HEAD"));
        Assert.That(Raw(IPAddress.Loopback, port, $"GET /{new string('a', 4000)} HTTP/1.1\r\nHost: n\r\n\r\n"), Does.StartWith("HTTP/1.1 414 "));
        Assert.That(Raw(IPAddress.Loopback, port, $"GET /metrics HTTP/1.1\r\nHost: n\r\nX: {new string('a', 12000)}\r\n\r\n"), Does.StartWith("HTTP/1.1 431 "));
        Assert.That(Raw(IPAddress.Loopback, port, $"GET /metrics HTTP/1.1\r\nHost: n\r\n{string.Concat(Enumerable.Range(0, 40).Select(i => $"X{i}: 1\r\n"))}\r\n"),
            Does.StartWith("HTTP/1.1 431 "));
        string head = Raw(IPAddress.Loopback, port, "HEAD /metrics HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n");
        Assert.That(head, Does.StartWith("HTTP/1.1 200 ").And.EndWith("\r\n\r\n"));
        Assert.That(Raw(IPAddress.Loopback, port, "\u0001\u0002\r\n\r\n"), Does.StartWith("HTTP/1.1 400 "));
    }

    [Test]
    public async Task Idle_connections_up_to_the_limit_and_one_listener_does_not_starve_the_other()
    {
        await using HttpEndpoint endpoint = await Start(new IPEndPoint(IPAddress.Loopback, 0), new IPEndPoint(IPAddress.Loopback, 0));
        var held = new List<Socket>();
        try
        {
            for (int i = 0; i < HttpEndpoint.MaxConnections; i++)
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
                held.Add(socket);
                socket.Connect(endpoint.Addresses[0]);
                Assert.That(Exchange(socket, "GET /livez HTTP/1.1\r\nHost: n\r\n\r\n", _ => true), Does.StartWith("HTTP/1.1 200 "), $"connection {i}");
            }

            Assert.That(Raw(IPAddress.Loopback, endpoint.Addresses[0].Port, "GET /livez HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n"), Is.Empty);
            Assert.That((await Get(endpoint.Addresses[1], "/livez")).Code, Is.EqualTo(HttpStatusCode.OK));
        }
        finally
        {
            held.ForEach(socket => socket.Dispose());
        }

        // The kernel tells Kestrel of the closed ones in its own time.
        Assert.That(() => Raw(IPAddress.Loopback, endpoint.Addresses[0].Port, "GET /livez HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n"),
            Does.StartWith("HTTP/1.1 200 ").After(10_000, 20));
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
    public async Task A_taken_address_is_named()
    {
        await using HttpEndpoint first = await Start(new IPEndPoint(IPAddress.Loopback, 0));
        IPEndPoint taken = first.Addresses.Single();
        Assert.That(async () => await Start(taken), Throws.InstanceOf<IOException>().With.Message.Contains(taken.ToString()));
    }

    private Task<HttpEndpoint> Start(params ImmutableArray<IPEndPoint> listen)
    {
        var metrics = new AgentMetrics(new MetricSources
        {
            Ledger = () => _ledger(),
            Status = () => Example.Status,
            Pods = () => [],
            FrameAge = () => new HistogramSnapshot([1], [0, 0], 0),
            PolicyReloadSuccessful = () => true,
        });
        var content = new HostAgent.Observability.HttpContent(new PrometheusText(metrics), _health, () => Example.Status, () => _ledger());
        return HttpEndpoint.StartAsync(listen, content, NullLoggerFactory.Instance, CancellationToken.None);
    }

    private async Task<(HttpStatusCode Code, string Text, string? Type)> Get(IPEndPoint at, string path)
    {
        using HttpResponseMessage response = await _client.GetAsync(new Uri($"http://{at}{path}"));
        return (response.StatusCode, await response.Content.ReadAsStringAsync(), response.Content.Headers.ContentType?.ToString());
    }

    private static string Raw(IPAddress address, int port, string request)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(address, port);
        return Exchange(socket, request, _ => false);
    }

    // Until the peer closes, or what came is enough.
    private static string Exchange(Socket socket, string request, Predicate<string> enough)
    {
        socket.ReceiveTimeout = 10_000;
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
