using System.Net;
using HostAgent.Cluster;
using HostAgent.Observability;
using HostAgent.Tests.Cluster;
using HostAgent.Tests.Links;
using Microsoft.Extensions.Logging;

namespace HostAgent.Tests.Observability;

/// <summary>What of the API server's verdicts is remembered, and how much strangers can make it be asked.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class TokenAccessTests
{
    private static readonly IPAddress Scraper = IPAddress.Parse("10.0.0.1"), Flooder = IPAddress.Parse("10.0.0.2");

    private readonly HandClock _clock = new();
    private readonly LogLines<TokenAccess> _log = new();
    private ReviewingApi _api = null!;
    private TokenAccess _access = null!;

    [SetUp]
    public async Task Start()
    {
        _api = await ReviewingApi.StartAsync();
        _access = new TokenAccess(_api.Reviews, _log, _clock);
    }

    [TearDown]
    public async Task End()
    {
        _access.Dispose();
        await _api.DisposeAsync();
    }

    [Test]
    public async Task A_verdict_is_remembered_for_a_minute_and_not_longer()
    {
        Assert.That(await MayGet(ReviewingApi.Reader, "/metrics"), Is.True);
        Assert.That(await MayGet(ReviewingApi.Reader, "/status"), Is.False);
        _clock.Advance(TokenAccess.Remembered - TimeSpan.FromSeconds(1));
        Assert.That(await MayGet(ReviewingApi.Reader, "/metrics"), Is.True);
        Assert.That(await MayGet(ReviewingApi.Reader, "/status"), Is.False);
        Assert.That((_api.Asked("tokenreviews"), _api.Asked("subjectaccessreviews")), Is.EqualTo((1, 2)));

        _clock.Advance(TimeSpan.FromSeconds(1));
        _api.Accounts[ReviewingApi.Reader] = (_api.Accounts[ReviewingApi.Reader].Name, []);
        Assert.That(await MayGet(ReviewingApi.Reader, "/metrics"), Is.False, "the right was taken");
        _clock.Advance(TokenAccess.Remembered);
        _api.Accounts.Remove(ReviewingApi.Reader);
        Assert.That(await MayGet(ReviewingApi.Reader, "/metrics"), Is.Null, "the token has expired");
    }

    [Test]
    public async Task A_refused_token_is_not_asked_about_again_for_ten_seconds()
    {
        for (int i = 0; i < 20; i++) Assert.That(await MayGet("nobody's", "/metrics"), Is.Null);
        Assert.That(_api.Asked("tokenreviews"), Is.EqualTo(1));
        _api.Accounts["nobody's"] = ("system:serviceaccount:a:b", ["/metrics"]);
        _clock.Advance(TokenAccess.RefusalRemembered);
        Assert.That(await MayGet("nobody's", "/metrics"), Is.True);
    }

    [Test]
    public async Task A_flood_of_random_tokens_floods_neither_the_API_server_nor_who_is_known()
    {
        Assert.That(await MayGet(ReviewingApi.Reader, "/metrics"), Is.True);
        int before = _api.Asked("tokenreviews"), refused = 0;
        for (int i = 0; i < 500; i++)
        {
            try
            {
                Assert.That(await _access.RecognizeAsync($"random-{i}", Flooder, default), Is.Null);
            }
            catch (TooManyTokensException)
            {
                refused++;
            }
        }

        Assert.That(_api.Asked("tokenreviews") - before, Is.EqualTo(TokenAccess.MostRefusedOfOne));
        Assert.That(refused, Is.EqualTo(500 - TokenAccess.MostRefusedOfOne));
        Assert.That(await MayGet(ReviewingApi.Viewer, "/metrics"), Is.True, "another address is not held to account");
        _clock.Advance(TokenAccess.Remembered);
        for (int i = 0; i < TokenAccess.MostRefusedOfOne; i++) await _access.RecognizeAsync($"again-{i}", Flooder, default);
        Assert.That(
            await _access.RecognizeAsync(ReviewingApi.Reader, Flooder, default), Is.Not.Null, "who was known may ask from anywhere");
    }

    [Test]
    public async Task All_strangers_together_have_a_bound_too()
    {
        int before = _api.Asked("tokenreviews");
        for (int i = 0; i < TokenAccess.MostRefused; i++)
            Assert.That(await _access.RecognizeAsync($"random-{i}", new IPAddress([10, 1, (byte)(i >> 8), (byte)i]), default), Is.Null);
        Assert.That(async () => await _access.RecognizeAsync("one more", Scraper, default), Throws.TypeOf<TooManyTokensException>());
        Assert.That(_api.Asked("tokenreviews") - before, Is.EqualTo(TokenAccess.MostRefused));
        _clock.Advance(TokenAccess.RefusalRemembered);
        Assert.That(await MayGet(ReviewingApi.Reader, "/metrics"), Is.True);
    }

    [Test]
    public async Task So_many_are_remembered_and_no_more()
    {
        Assert.That(await MayGet(ReviewingApi.Reader, "/metrics"), Is.True);
        for (int i = 0; i < TokenAccess.MostKnown; i++)
        {
            _clock.Advance(TimeSpan.FromTicks(1));
            _api.Accounts[$"t{i}"] = ($"system:serviceaccount:a:{i}", []);
            Assert.That(await _access.RecognizeAsync($"t{i}", Scraper, default), Is.Not.Null);
        }

        int before = _api.Asked("tokenreviews");
        Assert.That(await _access.RecognizeAsync($"t{TokenAccess.MostKnown - 1}", Scraper, default), Is.Not.Null);
        Assert.That(_api.Asked("tokenreviews"), Is.EqualTo(before));
        Assert.That(await _access.RecognizeAsync(ReviewingApi.Reader, Scraper, default), Is.Not.Null);
        Assert.That(_api.Asked("tokenreviews"), Is.EqualTo(before + 1), "the oldest was forgotten");
    }

    [Test]
    public async Task No_more_than_two_strangers_are_asked_about_at_once()
    {
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _api.Fault = async _ =>
        {
            await go.Task;
            return false;
        };
        Task<KnownToken?>[] many =
            [.. Enumerable.Range(0, 6).Select(i => _access.RecognizeAsync($"random-{i}", new IPAddress([10, 0, 1, (byte)i]), default))];
        await Eventually.ThatAsync(() => _api.Asked("tokenreviews") == 2, "two are under way");
        // Who waits gives up by itself.
        await Eventually.ThatAsync(() => many.Count(one => one.IsFaulted) == 4, "the others are sent away");
        Assert.That(_api.Asked("tokenreviews"), Is.EqualTo(2));
        go.SetResult();
        Assert.That(many.Count(one => one.IsFaulted), Is.EqualTo(4));
        Assert.That(await Task.WhenAll(many.Where(one => !one.IsFaulted)), Is.All.Null);
    }

    [TestCase(403, "forbidden", "verb create on resource tokenreviews of API group authentication.k8s.io")]
    [TestCase(401, "bad", "does not accept the agent's credentials")]
    [TestCase(500, "etcd", "the API server answers 500")]
    public async Task Without_a_verdict_nobody_is_admitted_and_the_mend_is_told(int code, string said, string mend)
    {
        _api.Fault = async context =>
        {
            await ApiServer.StatusAsync(context, code, said);
            return true;
        };
        Assert.That(async () => await _access.RecognizeAsync(ReviewingApi.Reader, Scraper, default),
            Throws.TypeOf<ApiCallException>().With.Message.Contains(mend).And.Message.Contains(said));
        Assert.That(_access.Problem, Does.Contain(mend));
        Assert.That(
            async () => await _access.RecognizeAsync(ReviewingApi.Reader, Scraper, default), Throws.TypeOf<ApiCallException>());
        Assert.That(_log.Count(LogLevel.Warning), Is.EqualTo(1), "it is not repeated at once");
        _api.Fault = null;
        Assert.That(await MayGet(ReviewingApi.Reader, "/metrics"), Is.True);
        Assert.That(_access.Problem, Is.Null);
    }

    /// <summary>Null for a token that is not known.</summary>
    private async Task<bool?> MayGet(string token, string path) =>
        await _access.RecognizeAsync(token, Scraper, default) is { } known ? await _access.MayGetAsync(known, path, default) : null;
}
