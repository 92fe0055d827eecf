using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using HostAgent.Lab;
using HostAgent.Links;
using HostAgent.Observability;

namespace HostAgent.Tests.Observability;

/// <summary>The page and its events as they go over the wire.</summary>
[Parallelizable]
internal sealed partial class PageEventsTests
{
    private readonly HttpClient _client = new(new SocketsHttpHandler { UseProxy = false });

    [OneTimeTearDown]
    public void Close() => _client.Dispose();

    [Test]
    public async Task The_state_comes_first_and_counts_each_second()
    {
        PageScene scene = new PageScene().With(3);
        await using HttpEndpoint endpoint = await scene.StartAsync();
        using HttpResponseMessage response = await OpenAsync(endpoint);
        Assert.That(response.Content.Headers.ContentType!.ToString(), Is.EqualTo("text/event-stream"));
        using var events = new StreamReader(await response.Content.ReadAsStreamAsync());
        (string name, JsonElement state) = await NextAsync(events);
        Assert.That(name, Is.EqualTo("state"));
        Assert.That(state.GetProperty("status").GetProperty("pods").GetArrayLength(), Is.EqualTo(3));
        Assert.That(state.GetProperty("mends").EnumerateObject().Select(mend => mend.Name),
            Does.Contain("kernel_ring").And.Not.Contain("duplicate"));
        long seen = 0, at = 0;
        for (int i = 0; i < 3; i++)
        {
            (name, JsonElement counts) = await NextAsync(events);
            Assert.That(name, Is.EqualTo("counts"), "what has not changed is not said again");
            Assert.That(counts.GetProperty("pods").GetArrayLength(), Is.EqualTo(3));
            Assert.That(counts.GetProperty("at").GetInt64(), Is.GreaterThan(at));
            Assert.That(counts.GetProperty("ledger").GetProperty("seen").GetInt64(), Is.GreaterThan(seen));
            (at, seen) = (counts.GetProperty("at").GetInt64(), counts.GetProperty("ledger").GetProperty("seen").GetInt64());
        }

        scene.Warnings = ["something is wrong"];
        do (name, state) = await NextAsync(events);
        while (name == "counts");
        Assert.That(state.GetProperty("status").GetProperty("warnings")[0].GetString(), Is.EqualTo("something is wrong"));
    }

    [Test]
    public async Task The_ninth_is_refused_until_another_leaves()
    {
        await using HttpEndpoint endpoint = await new PageScene().With(2).StartAsync();
        List<HttpResponseMessage> open = [];
        try
        {
            for (int i = 0; i < PageEvents.MaxClients; i++) open.Add(await OpenAsync(endpoint));
            using (HttpResponseMessage ninth = await _client.GetAsync(Url(endpoint, "events")))
            {
                Assert.That(ninth.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
                Assert.That(ninth.Headers.RetryAfter!.ToString(), Is.EqualTo("10"));
                Assert.That(await ninth.Content.ReadAsStringAsync(), Does.Contain("close one of them"));
            }

            open[0].Dispose();
            open.RemoveAt(0);
            await Eventually.ThatAsync(() => IsServed(endpoint), "there is a place again");
        }
        finally
        {
            open.ForEach(response => response.Dispose());
        }
    }

    [Test]
    public async Task All_who_look_share_one_answer_and_nothing_is_done_for_nobody()
    {
        PageScene scene = new PageScene().With(2);
        await using HttpEndpoint endpoint = await scene.StartAsync();
        using (HttpResponseMessage page = await _client.GetAsync(Url(endpoint, ""))) Assert.That(page.IsSuccessStatusCode);
        Assert.That(scene.Asked, Is.Zero);
        List<HttpResponseMessage> open = [];
        for (int i = 0; i < PageEvents.MaxClients; i++) open.Add(await OpenAsync(endpoint));
        using var events = new StreamReader(await open[0].Content.ReadAsStreamAsync());
        int updates = 0;
        for (string name = ""; updates < 4;)
        {
            (name, _) = await NextAsync(events);
            if (name == "counts") updates++;
        }

        // Twice for an update, for the state and for the counts: each of the eight by itself would be four times as many at least.
        Assert.That(scene.Asked, Is.InRange(2, 2 * (updates + 4)));
        open.ForEach(response => response.Dispose());
        int asked = -1;
        await Eventually.ThatAsync(() =>
        {
            (int before, asked) = (asked, scene.Asked);
            Thread.Sleep(2500);
            return asked == before;
        }, "nobody is told any more");
    }

    [Test]
    public async Task Who_does_not_read_is_dropped()
    {
        // An update of some megabytes: more than the kernel takes off the endpoint's hands.
        var scene = new PageScene();
        for (int i = 0; i < 5000; i++) scene.Add("a", $"{new string('x', 400)}{i}");
        await using HttpEndpoint endpoint = await scene.StartAsync();
        List<Socket> idle = [];
        try
        {
            for (int i = 0; i < PageEvents.MaxClients; i++)
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
                idle.Add(socket);
                socket.Connect(endpoint.Addresses.Single());
                socket.Send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"u8);
                Assert.That(socket.Poll(TimeSpan.FromSeconds(30), SelectMode.SelectRead), "its events have begun");
            }

            Assert.That(IsServed(endpoint), Is.False);
            await Eventually.ThatAsync(() => IsServed(endpoint), "one of them is dropped", seconds: 60);
        }
        finally
        {
            idle.ForEach(socket => socket.Dispose());
        }
    }

    [Test]
    public async Task The_agent_ends_its_events_when_it_ends()
    {
        HttpEndpoint endpoint = await new PageScene().With(1).StartAsync();
        using HttpResponseMessage response = await OpenAsync(endpoint);
        using var events = new StreamReader(await response.Content.ReadAsStreamAsync());
        await NextAsync(events);
        await endpoint.DisposeAsync();
        // Whole, not cut off: nothing is thrown.
        Assert.That(await events.ReadToEndAsync(), Does.Not.Contain("event: state"));
    }

    [TestCase("/", "evil.example", "", 403)]
    [TestCase("/events", "evil.example", "", 403)]
    [TestCase("/events", "localhost", "Sec-Fetch-Site: cross-site\r\n", 403)]
    [TestCase("/events", "localhost", "Sec-Fetch-Site: same-origin\r\n", 200)]
    [TestCase("/", "localhost", "Sec-Fetch-Site: cross-site\r\n", 200)]
    [TestCase("/", "127.0.0.1:9460", "", 200)]
    public async Task Only_the_host_itself_sees_it(string path, string host, string header, int code)
    {
        await using HttpEndpoint endpoint = await new PageScene().With(1).StartAsync();
        string answer = Raw(endpoint.Addresses.Single(), $"HEAD {path} HTTP/1.1\r\nHost: {host}\r\n{header}Connection: close\r\n\r\n");
        Assert.That(answer, Does.StartWith($"HTTP/1.1 {code} ").And.EndWith("\r\n\r\n"));
    }

    [TestCase("/")]
    [TestCase("/events")]
    public async Task Elsewhere_it_is_refused(string path)
    {
        using NetworkNamespace node = NetworkNamespace.Create($"ha{Environment.ProcessId}page");
        node.Ip("addr add 10.111.0.1/32 dev lo");
        var at = new IPEndPoint(IPAddress.Parse("10.111.0.1"), 9460);
        await using HttpEndpoint endpoint = NamespaceThread.Run(
            node.Path, () => new PageScene().With(1).StartAsync(at).GetAwaiter().GetResult());
        string answer = NamespaceThread.Run(node.Path, () => Raw(at, $"GET {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n"));
        Assert.That(answer, Does.StartWith("HTTP/1.1 403 ").And.Not.Contain("worker-3"));
    }

    [Test]
    public async Task The_policy_has_the_hashes_of_what_stands_in_the_page()
    {
        await using HttpEndpoint endpoint = await new PageScene().StartAsync();
        using HttpResponseMessage response = await _client.GetAsync(Url(endpoint, ""));
        string html = await response.Content.ReadAsStringAsync();
        string policy = response.Headers.GetValues("Content-Security-Policy").Single();
        foreach (Match inline in Inline().Matches(html))
        {
            string hash = Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(inline.Groups[2].Value)));
            Assert.That(policy, Does.Contain($"{inline.Groups[1].Value}-src 'sha256-{hash}'"));
        }

        Assert.That(Inline().Matches(html), Has.Count.EqualTo(2));
        Assert.That(html, Does.Not.Match("https?://(?!www.w3.org/2000/svg)"), "addresses of others");
        Assert.That(html, Does.Not.Match("innerHTML|outerHTML|insertAdjacentHTML|document\\.write|\\beval\\b"));
    }

    private static Uri Url(HttpEndpoint endpoint, string path) => new($"http://{endpoint.Addresses.Single()}/{path}");

    private static async Task<(string Name, JsonElement Data)> NextAsync(StreamReader events)
    {
        string? name = await events.ReadLineAsync(), data = await events.ReadLineAsync(), end = await events.ReadLineAsync();
        Assert.That((name?[..7], data?[..6], end), Is.EqualTo(("event: ", "data: ", "")));
        using JsonDocument document = JsonDocument.Parse(data![6..]);
        return (name![7..], document.RootElement.Clone());
    }

    private static string Raw(IPEndPoint at, string request)
    {
        using var socket = new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(at);
        socket.Send(Encoding.Latin1.GetBytes(request));
        using var stream = new StreamReader(new NetworkStream(socket));
        return stream.ReadToEnd();
    }

    private async Task<HttpResponseMessage> OpenAsync(HttpEndpoint endpoint)
    {
        HttpResponseMessage response = await _client.GetAsync(Url(endpoint, "events"), HttpCompletionOption.ResponseHeadersRead);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        return response;
    }

    private bool IsServed(HttpEndpoint endpoint)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Url(endpoint, "events"));
        using HttpResponseMessage response = _client.Send(request, HttpCompletionOption.ResponseHeadersRead);
        return response.IsSuccessStatusCode;
    }

    [GeneratedRegex("<(style|script)[^>]*>(.*?)</\\1>", RegexOptions.Singleline)]
    private static partial Regex Inline();
}
