using System.Runtime.CompilerServices;
using System.Threading.Channels;
using HostAgent.Accounts;
using HostAgent.Cluster;
using Microsoft.Extensions.Logging;

namespace HostAgent.Tests.Cluster;

/// <summary>The loop against a source that does what the script of each test says, step by step.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class ListWatchTests
{
    private static readonly Backoff Soon = new(TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(5), TimeSpan.FromSeconds(1));

    private readonly ResourceStore<Namespace> _store = new();
    private readonly LogLines<Namespace> _log = new();

    [Test]
    public async Task All_pages_are_collected_before_anything_is_removed()
    {
        var seen = new List<int>();
        _store.Changed += () => seen.Add(_store.Current.Count);
        var script = new Script(Page("1", null, "a", "b"), Expired, Page("2", "more", "b"), Page("2", "more2", "c"), Page("2", null, "d"));
        await script.PlayAsync(new ListWatch<Namespace>(script, _store, _log, Soon));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(seen, Is.EqualTo(new[] { 2, 3 }));
            Assert.That(_store.Current.Keys.Order(), Is.EqualTo(new[] { "b", "c", "d" }));
            Assert.That(script.Calls, Is.EqualTo(new[] { "list", "watch 1", "list", "list more", "list more2", "watch 2" }));
        }
    }

    [Test]
    public async Task Events_are_applied_and_a_new_watch_begins_after_the_last()
    {
        var script = new Script(
            Page("1", null, "a"),
            Events(Added("b", "2"), Added("c", "3"), Deleted("a", "4"), new(WatchEventKind.Bookmark, "9", null)),
            Events(new WatchEvent<Namespace>(WatchEventKind.Modified, "10", Named("b") with { Name = "renamed" })));
        var loop = new ListWatch<Namespace>(script, _store, _log, Soon);
        await script.PlayAsync(loop);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(_store.Current.Keys.Order(), Is.EqualTo(new[] { "b", "c" }));
            Assert.That(_store.Current["b"].Name, Is.EqualTo("renamed"));
            Assert.That(script.Calls, Is.EqualTo(new[] { "list", "watch 1", "watch 9", "watch 10" }));
            Assert.That((loop.Restarts(RestartReason.Ended), loop.Objects), Is.EqualTo((2, 2)));
            Assert.That(loop.LastEvent, Is.EqualTo(DateTimeOffset.UtcNow).Within(TimeSpan.FromMinutes(1)));
        }
    }

    [Test]
    public async Task A_failure_in_the_middle_resumes_where_it_was()
    {
        var script = new Script(
            Page("1", null), Events(new IOException("cut"), Added("a", "2"), Added("b", "3")), Events(Added("c", "4")));
        var loop = new ListWatch<Namespace>(script, _store, _log, Soon);
        await script.PlayAsync(loop);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(_store.Current, Has.Count.EqualTo(3));
            Assert.That(script.Calls, Is.EqualTo(new[] { "list", "watch 1", "watch 3", "watch 4" }));
            Assert.That(loop.Restarts(RestartReason.Connection), Is.EqualTo(1));
        }
    }

    [Test]
    public async Task Watches_that_keep_failing_from_one_version_lead_to_a_new_list()
    {
        object failure = Events(new IOException("cut"), new WatchEvent<Namespace>(WatchEventKind.Bookmark, "1", null));
        var script = new Script(Page("1", null, "a"), failure, failure, failure, Page("7", null, "b"));
        await script.PlayAsync(new ListWatch<Namespace>(script, _store, _log, Soon));
        Assert.That(script.Calls, Is.EqualTo(new[] { "list", "watch 1", "watch 1", "watch 1", "list", "watch 7" }));
    }

    [Test]
    public async Task An_outage_leads_to_no_new_list()
    {
        object failure = Events(new HttpRequestException("refused"));
        var script = new Script(Page("1", null, "a"), failure, failure, failure, failure, failure, Events(Added("b", "2")));
        await script.PlayAsync(new ListWatch<Namespace>(script, _store, _log, Soon));
        Assert.That(script.Calls.Where(c => c.StartsWith("list", StringComparison.Ordinal)), Has.Exactly(1).Items);
        Assert.That(_store.Current, Has.Count.EqualTo(2));
    }

    [Test]
    public async Task No_exception_ends_it_and_each_is_counted_by_its_reason()
    {
        var script = new Script(
            new HttpRequestException("refused"),
            new ResourceApiException(RestartReason.Forbidden, "list namespaces: forbidden"),
            new InvalidOperationException("a bug"),
            new OperationCanceledException("a timeout of its own"),
            Page("1", "next", "a"),
            new System.Text.Json.JsonException("bad page"),
            Page("2", null, "b"),
            Events(Added("c", "3")));
        var loop = new ListWatch<Namespace>(script, _store, _log, Soon);
        await script.PlayAsync(loop);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(_store.Current.Keys.Order(), Is.EqualTo(new[] { "b", "c" }), "the half list was not used");
            RestartReason[] reasons =
            [
                RestartReason.Connection, RestartReason.Forbidden, RestartReason.Error, RestartReason.Timeout, RestartReason.Malformed,
            ];
            foreach (RestartReason reason in reasons)
                Assert.That(loop.Restarts(reason), Is.EqualTo(1), reason.Name());
            Assert.That(loop.Problem, Is.Null);
            Assert.That(_log.All.Select(l => l.Text), Has.Some.EqualTo("namespaces: the watch works again"));
        }
    }

    [Test]
    public async Task The_same_problem_is_logged_once_and_said_until_it_is_over()
    {
        var failure = new ResourceApiException(RestartReason.Forbidden, "list namespaces: forbidden");
        var script = new Script(failure, failure, failure, failure);
        var loop = new ListWatch<Namespace>(script, _store, _log, Soon);
        await script.PlayAsync(loop);
        Assert.That((loop.Problem, _log.Count(LogLevel.Warning)), Is.EqualTo(("list namespaces: forbidden", 1)));
    }

    [Test]
    public void The_servers_wish_to_be_left_alone_is_honoured_within_bounds()
    {
        Backoff backoff = Backoff.Default;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(backoff.Delay(1, TimeSpan.FromSeconds(7)), Is.InRange(TimeSpan.FromSeconds(7), TimeSpan.FromSeconds(7.2)));
            Assert.That(backoff.Delay(1, TimeSpan.FromDays(9)), Is.LessThan(TimeSpan.FromMinutes(2)));
            Assert.That(backoff.Delay(1, null), Is.InRange(TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(200)));
            Assert.That(backoff.Delay(1_000_000, null), Is.InRange(TimeSpan.FromSeconds(1.5), TimeSpan.FromSeconds(3)));
            Assert.That(Enumerable.Range(0, 50).Select(_ => backoff.Delay(9, null)).Distinct().Count(), Is.GreaterThan(10), "jitter");
        }
    }

    [Test]
    public async Task An_event_that_changes_nothing_is_no_change()
    {
        int changes = 0;
        _store.Changed += () => changes++;
        var script = new Script(Page("1", null, "a"), Events(Added("a", "2"), Deleted("unknown", "3")), Expired, Page("4", null, "a"));
        await script.PlayAsync(new ListWatch<Namespace>(script, _store, _log, Soon));
        Assert.That(changes, Is.EqualTo(1), "the first list");
    }

    private static readonly object Expired = Events(new WatchEvent<Namespace>(WatchEventKind.Expired, "", null));

    private static Namespace Named(string name) => new() { Uid = name, Name = name };

    private static WatchEvent<Namespace> Added(string name, string version) => new(WatchEventKind.Added, version, Named(name));

    private static WatchEvent<Namespace> Deleted(string name, string version) => new(WatchEventKind.Deleted, version, Named(name));

    private static ResourcePage<Namespace> Page(string version, string? next, params string[] names) =>
        new([.. names.Select(Named)], version, next);

    private static Stream Events(params WatchEvent<Namespace>[] events) => new(events, null);

    private static Stream Events(Exception end, params WatchEvent<Namespace>[] events) => new(events, end);

    private sealed record Stream(WatchEvent<Namespace>[] Events, Exception? End);

    /// <summary>Answers each call with the next step: a page, a stream, or an exception. After the last, calls wait.</summary>
    private sealed class Script : IResourceApi<Namespace>
    {
        private readonly Queue<object> _steps;
        private readonly Channel<string> _calls = Channel.CreateUnbounded<string>();
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Script(params object[] steps) => _steps = new Queue<object>(steps);

        public string Resource => "namespaces";

        public List<string> Calls { get; } = [];

        public async Task PlayAsync(ListWatch<Namespace> loop)
        {
            using var stop = new CancellationTokenSource();
            Task run = loop.RunAsync(stop.Token);
            await _done.Task.WaitAsync(TimeSpan.FromSeconds(20));
            await stop.CancelAsync();
            await run;
        }

        public async Task<ResourcePage<Namespace>> ListAsync(string? continueToken, CancellationToken cancellation) =>
            await NextAsync(continueToken is null ? "list" : $"list {continueToken}", cancellation) is ResourcePage<Namespace> page
                ? page
                : throw new AssertionException($"a list was not expected: {string.Join(", ", Calls)}");

        public async IAsyncEnumerable<WatchEvent<Namespace>> WatchAsync(
            string resourceVersion, [EnumeratorCancellation] CancellationToken cancellation)
        {
            var stream = (Stream)await NextAsync($"watch {resourceVersion}", cancellation);
            foreach (WatchEvent<Namespace> item in stream.Events) yield return item;
            if (stream.End is not null) throw stream.End;
        }

        private async Task<object> NextAsync(string call, CancellationToken cancellation)
        {
            Calls.Add(call);
            if (_steps.TryDequeue(out object? step)) return step is Exception e ? throw e : step;
            _done.TrySetResult();
            await Task.Delay(Timeout.Infinite, cancellation);
            throw new OperationCanceledException(cancellation);
        }
    }
}
