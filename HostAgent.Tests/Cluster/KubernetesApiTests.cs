using System.Net;
using System.Text;
using HostAgent.Cluster;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace HostAgent.Tests.Cluster;

/// <summary>List and watch over HTTPS, one fault at a time.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class KubernetesApiTests
{
    private static readonly ApiTimeouts Short = new()
    {
        Connect = TimeSpan.FromSeconds(5),
        Answer = TimeSpan.FromSeconds(1),
        Watch = TimeSpan.FromSeconds(1),
        Grace = TimeSpan.FromMilliseconds(200),
        PingAfter = TimeSpan.FromSeconds(1),
        PingAnswer = TimeSpan.FromSeconds(1),
    };

    private static readonly ApiTimeouts Long = new();

    private ApiServer _server = null!;

    [SetUp]
    public async Task SetUp()
    {
        _server = await ApiServer.StartAsync();
        _server.Objects.PutNamespace("a");
        _server.Objects.PutPod("p1", ip: "10.0.0.1");
        _server.Objects.PutPod("p2", ip: "fd00::2");
    }

    [TearDown]
    public async Task TearDown() => await _server.DisposeAsync();

    [Test]
    public async Task Only_what_is_used_is_asked_for()
    {
        await using RunningWatches watches = await SyncedAsync(Long);
        Eventually.That(() => _server.Requests.Count(r => r.Watch) == 2, "both watches");
        ApiRequest list = _server.Requests.First(r => r is { Resource: "pods", Watch: false });
        ApiRequest watch = _server.Requests.First(r => r is { Resource: "pods", Watch: true });
        ApiRequest namespaces = _server.Requests.First(r => r is { Resource: "namespaces", Watch: false });
        ApiRequest namespaceWatch = _server.Requests.First(r => r is { Resource: "namespaces", Watch: true });
        using (Assert.EnterMultipleScope())
        {
            Assert.That((list.FieldSelector, list.ResourceVersion, list.Limit), Is.EqualTo(("spec.nodeName=node-1", "0", 500)));
            Assert.That((watch.FieldSelector, watch.ResourceVersion, watch.Bookmarks), Is.EqualTo(("spec.nodeName=node-1", _server.Objects.Version.ToString(null, null), true)));
            Assert.That(watch.TimeoutSeconds, Is.InRange(150, 188));
            Assert.That(list.Accept, Is.EqualTo("application/json"));
            Assert.That(namespaces.Accept, Does.StartWith("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"));
            Assert.That(namespaceWatch.Accept, Does.StartWith("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"));
            Assert.That(list.Protocol, Is.EqualTo("HTTP/2"));
            Assert.That(watches.Pods.Current["p2"].Ips, Is.EqualTo(new[] { IPAddress.Parse("fd00::2") }));
        }
    }

    [Test]
    public async Task Events_arrive_on_the_watch()
    {
        await using RunningWatches watches = await SyncedAsync(Long);
        _server.Objects.PutPod("p3");
        Eventually.That(() => watches.Pods.Current.ContainsKey("p3"), "an added pod");
        Assert.That(watches.Pods.Current["p3"].Ips, Is.Empty, "its address comes later");
        _server.Objects.PutPod("p3", ip: "10.0.0.3");
        Eventually.That(() => watches.Pods.Current["p3"].Ips.Length == 1, "its address");
        _server.Objects.PutPod("p1", ip: "10.0.0.1", phase: "Succeeded", ready: false);
        Eventually.That(() => watches.Pods.Current["p1"] is { Finished: true, Ready: false }, "a finished pod");
        _server.Objects.Delete("pods", "p2");
        Eventually.That(() => !watches.Pods.Current.ContainsKey("p2"), "a deleted pod");
        _server.Objects.PutNamespace("a", mirror: "off");
        Eventually.That(() => watches.Namespaces.Current["a"].Labels["mirror"] == "off", "a relabelled namespace");
        Assert.That(_server.Requests, Has.Count.EqualTo(4), "two lists and two watches did all of it");
    }

    [TestCase(HttpProtocols.Http1)]
    [TestCase(HttpProtocols.Http2)]
    public async Task Both_versions_of_HTTP_do(HttpProtocols protocols)
    {
        await using ApiServer server = await ApiServer.StartAsync(protocols: protocols);
        server.Objects.PutPod("p1");
        await using var watches = new RunningWatches(server.Credentials);
        Eventually.That(() => watches.Equal(server.Objects), "the list");
        server.Objects.PutPod("p2");
        Eventually.That(() => watches.Equal(server.Objects), "the watch");
    }

    [Test]
    public async Task A_list_in_pages_is_compared_as_a_whole()
    {
        await using RunningWatches watches = await SyncedAsync(Short);
        var counts = new List<int>();
        watches.Pods.Changed += () => counts.Add(watches.Pods.Current.Count);
        bool gone = false;
        _server.OnRequest = async (request, context) =>
        {
            if (!gone || request is not { Resource: "pods", Watch: true }) return false;
            gone = false;
            for (int i = 0; i < 1_200; i++) _server.Objects.PutPod($"n{i}");
            await ApiServer.StatusAsync(context, 410, "too old resource version");
            return true;
        };
        gone = true;
        Eventually.That(() => watches.Pods.Current.Count == 1_202, "all pages");
        ApiRequest[] lists = [.. _server.Requests.Where(r => r is { Resource: "pods", Watch: false }).Skip(1)];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(counts, Is.EqualTo(new[] { 1_202 }), "one change, after the last page");
            Assert.That(lists.Select(r => r.Continue is null), Is.EqualTo(new[] { true, false, false }));
            Assert.That(lists.Select(r => r.ResourceVersion), Is.All.Null, "after 410 the list is read from etcd");
        }
    }

    [Test]
    public async Task A_continuation_that_is_gone_starts_the_list_again()
    {
        for (int i = 0; i < 1_200; i++) _server.Objects.PutPod($"n{i}");
        int lists = 0;
        _server.OnRequest = async (request, context) =>
        {
            if (request is not { Resource: "pods", Watch: false } || Interlocked.Increment(ref lists) > 2) return false;
            if (lists == 1) await context.Response.WriteAsync(_server.Objects.List("pods", 500, null)!);
            else await ApiServer.StatusAsync(context, 410, "the provided continue parameter is too old");
            return true;
        };
        await using RunningWatches watches = await SyncedAsync(Long);
        Assert.That(watches.Equal(_server.Objects), Is.True);
    }

    [TestCase(StreamFault.Reset, RestartReason.Connection)]
    [TestCase(StreamFault.Cut, RestartReason.Connection)]
    [TestCase(StreamFault.Garbage, RestartReason.Malformed)]
    [TestCase(StreamFault.Gone, RestartReason.Expired)]
    [TestCase(StreamFault.Error, RestartReason.Status)]
    [TestCase(StreamFault.Mute, RestartReason.Timeout)]
    [TestCase(StreamFault.End, RestartReason.Ended)]
    public async Task A_stream_that_fails_in_the_middle_loses_nothing(StreamFault fault, RestartReason reason)
    {
        await using RunningWatches watches = await SyncedAsync(Short);
        long before = watches.PodLoop.Restarts(reason);
        int events = 0;
        _server.OnEvent = request => request.Resource == "pods" && Interlocked.Increment(ref events) == 2 ? fault : StreamFault.None;
        _server.Objects.PutPod("p3");
        _server.Objects.PutPod("p4");
        _server.Objects.Delete("pods", "p1");
        Eventually.That(() => watches.Equal(_server.Objects), "the right list");
        Eventually.That(() => watches.PodLoop.Restarts(reason) > before, $"a restart by {reason.Name()}");
    }

    [Test]
    public async Task A_deletion_while_the_watch_is_down_is_noticed_even_after_compaction()
    {
        await using RunningWatches watches = await SyncedAsync(Short);
        bool down = true;
        _server.OnRequest = (_, context) =>
        {
            if (down) context.Abort();
            return Task.FromResult(down);
        };
        _server.OnEvent = _ => StreamFault.Reset;
        _server.Objects.PutPod("p3");
        Eventually.That(() => watches.PodLoop.Problem is not null, "the outage");
        _server.Objects.Delete("pods", "p1");
        _server.Objects.Compact();
        _server.OnEvent = null;
        Assert.That(watches.Pods.Current.Keys, Has.Member("p1"), "the last knowledge is kept");
        down = false;
        Eventually.That(() => watches.Equal(_server.Objects), "the deletion", seconds: 6);
    }

    [TestCase(401, RestartReason.Unauthorized, "does not accept the agent's credentials")]
    [TestCase(403, RestartReason.Forbidden, "verb list on resource pods")]
    [TestCase(429, RestartReason.Throttled, "busy")]
    [TestCase(500, RestartReason.Status, "500")]
    [TestCase(503, RestartReason.Status, "503")]
    [TestCase(302, RestartReason.Status, "302")]
    public async Task A_status_is_told_in_words_and_outlived(int code, RestartReason reason, string words)
    {
        bool fail = true;
        _server.OnRequest = async (request, context) =>
        {
            if (!fail || request.Resource != "pods") return false;
            context.Response.Headers.Location = "https://192.0.2.1/";
            await ApiServer.StatusAsync(context, code, "User system:serviceaccount:x cannot\\u001b do that");
            return true;
        };
        await using var watches = new RunningWatches(_server.Credentials, Long);
        Eventually.That(() => watches.PodLoop.Problem is not null, "the problem");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(watches.PodLoop.Problem, Does.StartWith("list pods: ").And.Contains(words).And.Contains("system:serviceaccount:x cannot\\u001b"));
            Assert.That(watches.PodLoop.Restarts(reason), Is.GreaterThan(0));
            Assert.That(watches.Pods.Synced, Is.False);
        }

        fail = false;
        Eventually.That(() => watches.Equal(_server.Objects) && watches.PodLoop.Problem is null, "the recovery");
    }

    [Test]
    public async Task A_watch_that_is_forbidden_is_told_by_its_verb()
    {
        _server.OnRequest = async (request, context) =>
        {
            if (request is not { Resource: "namespaces", Watch: true }) return false;
            await ApiServer.StatusAsync(context, 403, "no");
            return true;
        };
        await using RunningWatches watches = await SyncedAsync(Long);
        Eventually.That(() => watches.NamespaceLoop.Problem is not null, "the problem");
        Assert.That(watches.NamespaceLoop.Problem, Does.Contain("verb watch on resource namespaces"));
    }

    [Test]
    public async Task A_Retry_After_is_honoured()
    {
        var asked = new List<long>();
        _server.OnRequest = async (request, context) =>
        {
            if (request.Resource != "pods") return false;
            lock (asked) asked.Add(Environment.TickCount64);
            if (asked.Count > 1) return false;
            await ApiServer.StatusAsync(context, 429, "later", retryAfter: 1);
            return true;
        };
        await using var watches = new RunningWatches(_server.Credentials, Long);
        Eventually.That(() => watches.Pods.Synced, "the list");
        Assert.That(asked[1] - asked[0], Is.GreaterThanOrEqualTo(990), "not before the second that was asked for");
    }

    [Test]
    public async Task A_list_that_is_cut_or_is_none_changes_nothing()
    {
        await using RunningWatches watches = await SyncedAsync(Short, new Backoff(TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(20), TimeSpan.FromSeconds(1)));
        string[] answers =
        [
            "", "{", "[]", "null", "<html>", "{\"kind\":\"Status\"}", "{\"metadata\":{},\"items\":[]}", "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[{},",
            _server.Objects.List("pods", 10, null)![..200],
        ];
        int next = 0;
        _server.OnRequest = async (request, context) =>
        {
            if (request.Resource != "pods" || next >= answers.Length) return false;
            if (request.Watch) await ApiServer.StatusAsync(context, 410, "gone");
            else await context.Response.WriteAsync(answers[next++]);
            return true;
        };
        Eventually.That(() => next == answers.Length && watches.PodLoop.Problem is null, "the end of the bad answers", seconds: 60);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(watches.Equal(_server.Objects), Is.True);
            Assert.That(watches.PodLoop.Restarts(RestartReason.Malformed) + watches.PodLoop.Restarts(RestartReason.Connection), Is.EqualTo(answers.Length));
        }
    }

    [Test]
    public async Task An_object_that_cannot_be_used_keeps_none_from_the_others()
    {
        _server.Objects.Put("pods", "bad", version => $"{{\"metadata\":{{\"name\":\"bad\",\"resourceVersion\":\"{version}\"}}}}");
        await using RunningWatches watches = await SyncedAsync(Long);
        _server.Objects.Put("pods", "bad", version => $"{{\"metadata\":{{\"name\":\"bad\",\"uid\":7,\"labels\":[],\"resourceVersion\":\"{version}\"}}}}");
        _server.Objects.PutPod("p3");
        Eventually.That(() => watches.Pods.Current.ContainsKey("p3"), "the event after the bad one");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(watches.Pods.Current, Has.Count.EqualTo(3));
            Assert.That(watches.Log.All.Count(l => l.Level == LogLevel.Warning && l.Text.Contains("pod bad", StringComparison.Ordinal)), Is.EqualTo(2));
        }
    }

    [Test]
    public async Task An_answer_that_never_comes_is_given_up()
    {
        _server.OnRequest = async (request, context) =>
        {
            if (_server.Requests.Count > 2) return false;
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return true;
        };
        await using var watches = new RunningWatches(_server.Credentials, Short);
        Eventually.That(() => watches.Equal(_server.Objects), "the second attempt");
        Assert.That(watches.PodLoop.Restarts(RestartReason.Timeout), Is.EqualTo(1));
    }

    [Test]
    public async Task Bookmarks_move_the_version_without_an_event()
    {
        await using RunningWatches watches = await SyncedAsync(Short);
        for (int i = 0; i < 10; i++) _server.Objects.PutPod($"n{i}");
        string version = _server.Objects.Version.ToString(null, null);
        Eventually.That(() => _server.Requests.Any(r => r is { Resource: "pods", Watch: true } && r.ResourceVersion == version), "a watch from the bookmark");
        Assert.That(_server.Requests.Count(r => !r.Watch), Is.EqualTo(2), "no list was needed");
    }

    [Test]
    public async Task A_half_open_connection_is_noticed_by_its_pings()
    {
        using var relay = new HalfOpenRelay(_server.Url.Port);
        var credentials = _server.Credentials with { Server = new Uri($"https://127.0.0.1:{relay.Port}") };
        await using var watches = new RunningWatches(credentials, Long with { PingAfter = TimeSpan.FromSeconds(1), PingAnswer = TimeSpan.FromSeconds(1) });
        Eventually.That(() => watches.Equal(_server.Objects), "the list");
        Eventually.That(() => _server.Requests.Count(r => r.Watch) == 2, "the watches");
        relay.Freeze();
        _server.Objects.PutPod("p3");
        Eventually.That(() => watches.Equal(_server.Objects), "the pod, by a new connection");
        Assert.That(watches.PodLoop.Restarts(RestartReason.Connection), Is.GreaterThan(0));
    }

    private async Task<RunningWatches> SyncedAsync(ApiTimeouts timeouts, Backoff? backoff = null)
    {
        var watches = new RunningWatches(_server.Credentials, timeouts, backoff: backoff);
        await Task.Run(() => Eventually.That(() => watches.Synced, "both lists"));
        Eventually.That(() => _server.Requests.Count(r => r.Watch) >= 2, "both watches");
        return watches;
    }
}
