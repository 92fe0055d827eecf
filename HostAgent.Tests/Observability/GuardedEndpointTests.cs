using System.Net;
using System.Net.Sockets;
using HostAgent.Accounts;
using HostAgent.Lab;
using HostAgent.Links;
using HostAgent.Observability;
using HostAgent.Tests.Network;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Tests.Observability;

/// <summary>What the network gets of an endpoint that is guarded, as curl and openssl see it.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class GuardedEndpointTests
{
    private const string Address = "10.111.0.1";

    private NetworkNamespace _node = null!;
    private ReviewingApi _api = null!;
    private NetworkGuard _guard = null!;
    private HttpEndpoint _endpoint = null!;

    [SetUp]
    public async Task Start()
    {
        Require.Root();
        Require.Program("curl");
        Require.Program("openssl");
        _node = NetworkNamespace.Create($"ha{Environment.ProcessId}guard");
        _node.Ip($"addr add {Address}/32 dev lo");
        _api = await ReviewingApi.StartAsync();
        _guard = new NetworkGuard(
            new SelfSignedCertificate("n", [IPAddress.Parse(Address)]), new TokenAccess(_api.Reviews, NullLogger.Instance));
        _endpoint = await Listen(_guard);
    }

    [TearDown]
    public async Task End()
    {
        await _endpoint.DisposeAsync();
        _guard.Dispose();
        await _api.DisposeAsync();
        _node.Dispose();
    }

    [TestCase(ReviewingApi.Reader, "/metrics", 200, "hostagent_frames_seen_total 100")]
    [TestCase(ReviewingApi.Reader, "/status", 403, "system:serviceaccount:monitoring:prometheus may not get /status")]
    [TestCase(ReviewingApi.Viewer, "/status", 200, "\"seen\":100")]
    [TestCase(ReviewingApi.Viewer, "/STATUS/", 200, "\"seen\":100")]
    [TestCase(ReviewingApi.Reader, "/STATUS/", 403, "may not get")]
    [TestCase(ReviewingApi.Viewer, "/nothing", 404, "/metrics")]
    [TestCase(ReviewingApi.Stranger, "/metrics", 403, "host-agent-metrics-reader")]
    [TestCase(ReviewingApi.Stranger, "/livez", 200, "capture")]
    [TestCase("made-up", "/metrics", 401, "the API server does not know this token")]
    [TestCase("made-up", "/readyz", 200, "pods listed")]
    [TestCase(null, "/metrics", 401, "Authorization: Bearer")]
    [TestCase(null, "/status", 401, "Authorization: Bearer")]
    [TestCase(null, "/", 401, "Authorization: Bearer")]
    [TestCase(null, "/livez", 200, "capture")]
    [TestCase(null, "/readyz", 200, "pods listed")]
    public void Each_account_gets_what_the_API_server_permits(string? token, string path, int code, string text)
    {
        (int got, string answer) = Curl($"https://{Address}:9460{path}", token);
        Assert.That((got, answer), Is.EqualTo((code, answer)));
        Assert.That(answer, Does.Contain(text));
        if (code is 401 or 403) Assert.That(answer, Does.Not.Contain("hostagent_").And.Not.Contain("10.0.0.2"));
        if (path is "/livez" or "/readyz") Assert.That(_api.Asked("tokenreviews"), Is.Zero, "a probe asks nobody");
    }

    [Test]
    public void Who_shows_no_token_is_told_what_to_show()
    {
        string head = CurlRaw($"https://{Address}:9460/metrics", "--head");
        Assert.That(head, Does.StartWith("HTTP/1.1 401 ").And.Match("(?im)^www-authenticate: Bearer\r?$"));
        head = CurlRaw($"https://{Address}:9460/metrics", "--head", "--header", "Authorization: Bearer made-up");
        Assert.That(head, Does.Match("(?im)^www-authenticate: Bearer error=\"invalid_token\"\r?$"));
        head = CurlRaw($"https://{Address}:9460/metrics", "--head", "--header", "Authorization: Basic dTpw");
        Assert.That(head, Does.StartWith("HTTP/1.1 401 "));
        Assert.That(_api.Asked("tokenreviews"), Is.EqualTo(1));
    }

    [Test]
    public void On_loopback_no_token_is_needed_and_none_is_looked_at()
    {
        Assert.That(Curl("http://127.0.0.1:9460/status", null).Code, Is.EqualTo(200));
        Assert.That(Curl("http://127.0.0.1:9460/metrics", "made-up").Code, Is.EqualTo(200));
        Assert.That(_api.Asked("tokenreviews"), Is.Zero);
    }

    [Test]
    public async Task Prometheus_scrapes_with_the_token_of_its_account()
    {
        const string Encrypted = "scheme: https, tls_config: {insecure_skip_verify: true}, scrape_interval: 2s, scrape_timeout: 2s";
        await using var server = new PrometheusServer(
            _node, $"{Address}:9460", $"{Encrypted}, authorization: {{credentials: {ReviewingApi.Reader}}}");
        Dictionary<string, double> series = await server.UntilAsync(
            "{job=\"host-agent\"}", "it has scraped", series => series.GetValueOrDefault("up") == 1);
        Assert.That(series["hostagent_frames_seen_total"], Is.EqualTo(100));
    }

    [Test]
    public void While_the_API_server_is_away_nobody_new_is_served_and_probes_go_on()
    {
        Assert.That(Curl($"https://{Address}:9460/metrics", ReviewingApi.Reader).Code, Is.EqualTo(200));
        _api.Fault = context =>
        {
            context.Abort();
            return Task.FromResult(true);
        };
        (int code, string answer) = Curl($"https://{Address}:9460/metrics", ReviewingApi.Viewer);
        Assert.That((code, answer), Is.EqualTo((503, answer)));
        Assert.That(answer, Does.Contain("no connection to the API server").And.Not.Contain("hostagent_"));
        Assert.That(_guard.Warnings().Single(), Does.Contain("nobody beyond this host is admitted"));
        Assert.That(Curl($"https://{Address}:9460/metrics", ReviewingApi.Reader).Code, Is.EqualTo(200), "its verdict is new enough");
        Assert.That(Curl($"https://{Address}:9460/livez", null).Code, Is.EqualTo(200));
        Assert.That(Curl($"https://{Address}:9460/readyz", "made-up").Code, Is.EqualTo(200));
        Assert.That(Curl("http://127.0.0.1:9460/metrics", null).Code, Is.EqualTo(200));
    }

    [TestCase("-tls1_1", false)]
    [TestCase("-tls1_2", true)]
    [TestCase("-tls1_3", true)]
    public void TLS_is_1_2_or_1_3_and_no_HTTP2_is_offered(string version, bool taken)
    {
        ProgramRun run = HostTool.RunToEnd(_node.StartInfo(
            "openssl", "s_client", "-connect", $"{Address}:9460", version, "-cipher", "DEFAULT@SECLEVEL=0", "-alpn", "h2,http/1.1"));
        Assert.That(run.Output.Contains("BEGIN CERTIFICATE", StringComparison.Ordinal), Is.EqualTo(taken), run.Output + run.Errors);
        if (taken) Assert.That(run.Output, Does.Contain("ALPN protocol: http/1.1").And.Contain("CN = host-agent"));
    }

    [Test]
    public void Plain_HTTP_is_not_spoken_there() =>
        Assert.That(CurlRaw($"http://{Address}:9460/metrics"), Does.Not.Contain("hostagent_"));

    [TestCase(0)]
    [TestCase(3)]
    [TestCase(60)]
    public void Handshakes_that_never_end_keep_nobody_away(int bytes)
    {
        List<Socket> held = [];
        try
        {
            for (int i = 0; i < 100; i++)
            {
                held.Add(Connect());
                // The beginning of a ClientHello of 512 bytes.
                held[i].Send([.. new byte[] { 22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3 }.Concat(new byte[60]).Take(bytes)]);
            }

            Assert.That(Curl($"https://{Address}:9460/metrics", ReviewingApi.Reader).Code, Is.EqualTo(200), "before any of them times out");
            // Of those that were not closed for others each is, in time.
            Eventually.That(() => held.TrueForAll(IsClosed), "all of them are closed");
        }
        finally
        {
            held.ForEach(socket => socket.Dispose());
        }
    }

    [Test]
    public void Ten_thousand_connections_and_resets_leave_nothing_behind()
    {
        Assert.That(Curl($"https://{Address}:9460/metrics", ReviewingApi.Reader).Code, Is.EqualTo(200));
        int before = OpenDescriptors.Now().Length, most = 0;
        _node.Run(() =>
        {
            for (int i = 0; i < 10_000; i++)
            {
                using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                // Closing sends a reset.
                socket.LingerState = new LingerOption(true, 0);
                socket.Connect(IPAddress.Parse(Address), 9460);
                if (i % 2 == 0) socket.Send([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]);
                if (i % 500 == 0) most = Math.Max(most, OpenDescriptors.Now().Length);
            }

            return true;
        });
        Assert.That(most, Is.LessThanOrEqualTo(before + HttpEndpoint.MaxConnections + 16));
        Assert.That(Curl($"https://{Address}:9460/metrics", ReviewingApi.Reader).Code, Is.EqualTo(200));
        Eventually.That(() => OpenDescriptors.Now().Length <= before + 4, "they are closed");
    }

    [Test]
    public void Large_headers_are_refused_under_TLS_too()
    {
        Assert.That(CurlRaw($"https://{Address}:9460/metrics", "--head", "--header", $"X: {new string('a', 12_000)}"),
            Does.StartWith("HTTP/1.1 431 "));
        Assert.That(CurlRaw($"https://{Address}:9460/{new string('a', 4000)}", "--head"), Does.StartWith("HTTP/1.1 414 "));
    }

    [Test]
    public async Task A_token_in_the_clear_opens_nothing()
    {
        await _endpoint.DisposeAsync();
        _endpoint = await Listen(guard: null);
        Assert.That(Curl($"http://{Address}:9460/metrics", ReviewingApi.Viewer).Code, Is.EqualTo(200), "as --insecure-metrics asks for");
        Assert.That(Curl($"http://{Address}:9460/status", ReviewingApi.Viewer).Code, Is.EqualTo(403));
        Assert.That(_api.Asked("tokenreviews"), Is.Zero);
    }

    private Task<HttpEndpoint> Listen(NetworkGuard? guard)
    {
        var metrics = new AgentMetrics(new MetricSources
        {
            Ledger = () => Example.Ledger,
            Status = () => Example.Status,
            Pods = () => [],
            FrameAge = () => new HistogramSnapshot([1], [0, 0], 0),
            PolicyReloadSuccessful = () => true,
        });
        var content = new ServedContent(metrics, Example.Healthy(), () => Example.Status, () => Example.Ledger);
        return Task.FromResult(NamespaceThread.Run(_node.Path, () => HttpEndpoint.StartAsync(
            [new IPEndPoint(IPAddress.Parse(Address), 9460), new IPEndPoint(IPAddress.Loopback, 9460)],
            content, guard, NullLoggerFactory.Instance, CancellationToken.None).GetAwaiter().GetResult()));
    }

    private (int Code, string Answer) Curl(string url, string? token)
    {
        string[] shown = token is null ? [] : ["--header", $"Authorization: Bearer {token}"];
        string answer = CurlRaw(url, ["--write-out", "\n%{http_code}", .. shown]);
        int line = answer.LastIndexOf('\n');
        return (int.Parse(answer.AsSpan(line + 1)), answer[..line]);
    }

    private string CurlRaw(string url, params string[] options) => HostTool.RunToEnd(
        _node.StartInfo(["curl", "--silent", "--insecure", "--max-time", "20", .. options, url])).Output;

    private Socket Connect()
    {
        Socket socket = _node.OpenSocket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(IPAddress.Parse(Address), 9460);
        return socket;
    }

    private static bool IsClosed(Socket socket)
    {
        try
        {
            return socket.Poll(0, SelectMode.SelectRead) && socket.Receive(new byte[64]) == 0;
        }
        catch (SocketException)
        {
            return true;
        }
    }
}
