using HostAgent.Accounts;
using HostAgent.Cluster;
using Microsoft.AspNetCore.Http;

namespace HostAgent.Tests.Cluster;

/// <summary>List and watch over HTTPS, one fault at a time.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
[Parallelizable]
internal sealed class KubernetesApiFaultTests : ApiServerFixture
{
    [Test]
    public async Task A_continuation_that_is_gone_starts_the_list_again()
    {
        for (int i = 0; i < 1_200; i++) Server.Objects.PutPod($"n{i}");
        int lists = 0;
        Server.OnRequest = async (request, context) =>
        {
            if (request is not { Resource: "pods", Watch: false } || Interlocked.Increment(ref lists) > 2) return false;
            if (lists == 1) await context.Response.WriteAsync(Server.Objects.List("pods", 500, null)!);
            else await ApiServer.StatusAsync(context, 410, "the provided continue parameter is too old");
            return true;
        };
        await using RunningWatches watches = await SyncedAsync(Long);
        Assert.That(watches.Equal(Server.Objects), Is.True);
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
        Server.OnEvent = request => request.Resource == "pods" && Interlocked.Increment(ref events) == 2 ? fault : StreamFault.None;
        Server.Objects.PutPod("p3");
        Server.Objects.PutPod("p4");
        Server.Objects.Delete("pods", "p1");
        Eventually.That(() => watches.Equal(Server.Objects), "the right list");
        Eventually.That(() => watches.PodLoop.Restarts(reason) > before, $"a restart by {reason.Name()}");
    }

    [Test]
    public async Task A_deletion_while_the_watch_is_down_is_noticed_even_after_compaction()
    {
        await using RunningWatches watches = await SyncedAsync(Short);
        bool down = true;
        Server.OnRequest = (_, context) =>
        {
            if (down) context.Abort();
            return Task.FromResult(down);
        };
        Server.OnEvent = _ => StreamFault.Reset;
        Server.Objects.PutPod("p3");
        Eventually.That(() => watches.PodLoop.Problem is not null, "the outage");
        Server.Objects.Delete("pods", "p1");
        Server.Objects.Compact();
        Server.OnEvent = null;
        Assert.That(watches.Pods.Current.Keys, Has.Member("p1"), "the last knowledge is kept");
        down = false;
        Eventually.That(() => watches.Equal(Server.Objects), "the deletion", seconds: 6);
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
        Server.OnRequest = async (request, context) =>
        {
            if (!fail || request.Resource != "pods") return false;
            context.Response.Headers.Location = "https://192.0.2.1/";
            await ApiServer.StatusAsync(context, code, "User system:serviceaccount:x cannot\\u001b do that");
            return true;
        };
        await using var watches = new RunningWatches(Server.Credentials, Long);
        Eventually.That(() => watches.PodLoop.Problem is not null, "the problem");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(watches.PodLoop.Problem,
                Does.StartWith("list pods: ").And.Contains(words).And.Contains("system:serviceaccount:x cannot\\u001b"));
            Assert.That(watches.PodLoop.Restarts(reason), Is.GreaterThan(0));
            Assert.That(watches.Pods.Synced, Is.False);
        }

        fail = false;
        Eventually.That(() => watches.Equal(Server.Objects) && watches.PodLoop.Problem is null, "the recovery");
    }

    [Test]
    public async Task A_watch_that_is_forbidden_is_told_by_its_verb()
    {
        Server.OnRequest = async (request, context) =>
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
        Server.OnRequest = async (request, context) =>
        {
            if (request.Resource != "pods") return false;
            lock (asked) asked.Add(Environment.TickCount64);
            if (asked.Count > 1) return false;
            await ApiServer.StatusAsync(context, 429, "later", retryAfter: 1);
            return true;
        };
        await using var watches = new RunningWatches(Server.Credentials, Long);
        Eventually.That(() => watches.Pods.Synced, "the list");
        Assert.That(asked[1] - asked[0], Is.GreaterThanOrEqualTo(990), "not before the second that was asked for");
    }

    [Test]
    public async Task A_list_that_is_cut_or_is_none_changes_nothing()
    {
        await using RunningWatches watches = await SyncedAsync(
            Short, new Backoff(TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(20), TimeSpan.FromSeconds(1)));
        string[] answers =
        [
            "", "{", "[]", "null", "<html>", "{\"kind\":\"Status\"}", "{\"metadata\":{},\"items\":[]}",
            "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[{},",
            Server.Objects.List("pods", 10, null)![..200],
        ];
        int next = 0;
        Server.OnRequest = async (request, context) =>
        {
            if (request.Resource != "pods" || next >= answers.Length) return false;
            if (request.Watch) await ApiServer.StatusAsync(context, 410, "gone");
            else await context.Response.WriteAsync(answers[next++]);
            return true;
        };
        Eventually.That(() => next == answers.Length && watches.PodLoop.Problem is null, "the end of the bad answers", seconds: 60);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(watches.Equal(Server.Objects), Is.True);
            Assert.That(watches.PodLoop.Restarts(RestartReason.Malformed) + watches.PodLoop.Restarts(RestartReason.Connection),
                Is.EqualTo(answers.Length));
        }
    }

    [Test]
    public async Task An_answer_that_never_comes_is_given_up()
    {
        Server.OnRequest = async (request, context) =>
        {
            if (Server.Requests.Count > 2) return false;
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return true;
        };
        await using var watches = new RunningWatches(Server.Credentials, Short);
        Eventually.That(() => watches.Equal(Server.Objects), "the second attempt");
        Assert.That(watches.PodLoop.Restarts(RestartReason.Timeout), Is.EqualTo(1));
    }

    [Test]
    public async Task A_half_open_connection_is_noticed_by_its_pings()
    {
        using var relay = new HalfOpenRelay(Server.Url.Port);
        var credentials = Server.Credentials with { Server = new Uri($"https://127.0.0.1:{relay.Port}") };
        await using var watches = new RunningWatches(
            credentials, Long with { PingAfter = TimeSpan.FromSeconds(1), PingAnswer = TimeSpan.FromSeconds(1) });
        Eventually.That(() => watches.Equal(Server.Objects), "the list");
        Eventually.That(() => Server.Requests.Count(r => r.Watch) == 2, "the watches");
        relay.Freeze();
        Server.Objects.PutPod("p3");
        Eventually.That(() => watches.Equal(Server.Objects), "the pod, by a new connection");
        Assert.That(watches.PodLoop.Restarts(RestartReason.Connection), Is.GreaterThan(0));
    }
}
