using HostAgent.Accounts;
using HostAgent.Deciding;
using HostAgent.Governing;
using HostAgent.Links;
using HostAgent.Observability;
using HostAgent.Policy;
using HostAgent.Sensors;

namespace HostAgent.Tests.Observability;

/// <summary>The page in a real browser, judged by it and by axe-core.</summary>
[Parallelizable]
internal sealed class PageInBrowserTests
{
    private PageBrowser _browser = null!;

    [OneTimeSetUp]
    public async Task Start() => _browser = await PageBrowser.StartAsync();

    [OneTimeTearDown]
    public async Task End() => await _browser.DisposeAsync();

    // All that is said, in all that it may be shown with: nothing hidden from those who do not see it, no text too faint.
    [TestCase("light", 1280)]
    [TestCase("dark", 1280)]
    [TestCase("light", 360)]
    [TestCase("dark", 360)]
    public async Task Axe_finds_nothing(string scheme, int width)
    {
        PageScene scene = Worst(new PageScene().With(30));
        await using HttpEndpoint endpoint = await scene.StartAsync();
        await _browser.OpenAsync(Url(endpoint), scheme, width);
        await _browser.UntilAsync("two readings", view => view.Rows.Any(row => row[5] is not "–"));
        Assert.That(await _browser.ViolationsAsync(), Is.Empty);
        await _browser.TabToAsync("The same as a table");
        await _browser.PressAsync("Enter");
        PageView view = await _browser.UntilAsync("the ledger in words", view => view.Ledger.Length > 0);
        Assert.That(await _browser.ViolationsAsync(), Is.Empty);
        Assert.That(view.Overflows, Is.False, "nothing is wider than the window");
        Assert.That(await _browser.FaultsAsync(), Is.Empty);
    }

    [Test]
    public async Task Nothing_is_fetched_but_events_and_nothing_but_its_own_script_may_run()
    {
        await using HttpEndpoint endpoint = await new PageScene().With(8).StartAsync();
        Dictionary<string, string> headers = await _browser.OpenAsync(Url(endpoint));
        await _browser.UntilAsync("all is well", view => view.Tone == "ok");
        Assert.That(await _browser.FaultsAsync(), Is.Empty);
        Assert.That(headers["content-security-policy"], Does.StartWith("default-src 'none';").And.Not.Contain("unsafe")
            .And.Contain("connect-src 'self'").And.Contain("frame-ancestors 'none'").And.Contain("require-trusted-types-for 'script'"));
        Assert.That(headers["content-type"], Is.EqualTo("text/html; charset=utf-8"));
        Assert.That(headers["x-content-type-options"], Is.EqualTo("nosniff"));
        Assert.That(headers["referrer-policy"], Is.EqualTo("no-referrer"));
        Assert.That(headers["cache-control"], Is.EqualTo("no-store"));
    }

    [Test]
    public async Task A_hostile_name_is_text()
    {
        const string Name = "<img src=x onerror=alert(1)><script>alert(2)</script>&lt;b&gt;{style}";
        PageScene scene = new PageScene().Add("<b>", Name).Add("shop", Name, PodState.Pending);
        scene.Warnings = [$"two pods: {Name}"];
        await using HttpEndpoint endpoint = await scene.StartAsync();
        await _browser.OpenAsync(Url(endpoint));
        PageView view = await _browser.UntilAsync("both pods", view => view.Rows.Length == 2);
        Assert.That(view.Column(1), Has.One.StartsWith($"shop/{Name}").And.One.EqualTo($"<b>/{Name}"));
        Assert.That(view.Todo, Has.Some.Contains($"Two pods: {Name}"));
        Assert.That(view.Elements, Is.Zero, "elements that the name would make");
        Assert.That(await _browser.FaultsAsync(), Is.Empty, "no alert, no request, nothing that the policy had to stop");
    }

    [Test]
    public async Task Keys_sort_and_filter()
    {
        PageScene scene = new PageScene().Add("web", "b").Add("shop", "c", PodState.Pending).Add("shop", "a")
            .Add("payments", "d", PodState.NotSelected);
        await using HttpEndpoint endpoint = await scene.StartAsync();
        await _browser.OpenAsync(Url(endpoint));
        PageView view = await _browser.UntilAsync("three pods, two with rates", view => view.Column(5).Count(rate => rate != "–") == 2);
        Assert.That((view.Sorted, view.Shown), Is.EqualTo(("State ascending", "3 of 4")));
        Assert.That(view.Column(1)[0], Does.StartWith("shop/c"), "what wants a hand comes first");

        Assert.That(await _browser.TabToAsync("Pod"), Is.Not.EqualTo("none"), "one sees where one is");
        await _browser.PressAsync("Enter");
        view = await _browser.ReadAsync();
        Assert.That(view.Sorted, Is.EqualTo("Pod ascending"));
        Assert.That((view.Column(1)[0], view.Column(1)[2]), Is.EqualTo(("shop/a", "web/b")));
        await _browser.PressAsync("Space");
        view = await _browser.ReadAsync();
        Assert.That(view.Sorted, Is.EqualTo("Pod descending"));
        Assert.That(view.Column(1)[0], Is.EqualTo("web/b"));
        foreach (string head in (string[])["Rule", "Link", "Found by", "Frames/s", "Mbit/s", "Lost"])
        {
            await _browser.TabToAsync(head);
            await _browser.PressAsync("Enter");
            Assert.That((await _browser.ReadAsync()).Sorted, Does.StartWith($"{head} "));
        }

        view = await _browser.ReadAsync();
        long[] lost = [.. view.Column(7).Where(text => text != "–").Select(text => long.Parse(text.Replace(",", "")))];
        Assert.That(lost, Has.Length.EqualTo(2).And.Ordered.Descending, "of numbers the greatest first");

        Assert.That(await _browser.TabToAsync("words"), Is.Not.EqualTo("none"));
        await _browser.PressAsync("captured sHOP/");
        view = await _browser.ReadAsync();
        Assert.That((view.Shown, view.Column(1)[0]), Is.EqualTo(("1 of 4", "shop/a")), "both words, in whatever case");
        await _browser.PressAsync("Control+A", "Delete");
        await _browser.TabToAsync("state");
        await _browser.PressAsync("ArrowDown");
        view = await _browser.UntilAsync("another state", view => view.Shown != "3 of 4");
        Assert.That(view.Column(1).Single(), Does.StartWith("shop/c"), "in scope, not captured");
    }

    [Test]
    public async Task The_verdict_says_what_is_wrong_and_what_to_do()
    {
        PageScene scene = new PageScene().With(4);
        await using HttpEndpoint endpoint = await scene.StartAsync();
        await _browser.OpenAsync(Url(endpoint));
        PageView view = await _browser.UntilAsync("all is well", view => view.Tone == "ok");
        Assert.That(view.Headline, Is.EqualTo("All 4 pods in scope are captured, and nothing is lost"));
        Assert.That(view.Title, Does.StartWith("✓"));
        Assert.That(view.Todo, Is.Empty);

        scene.Governor = scene.Governor with { Level = GovernorLevel.SliceLow, Reason = "the agent uses 740m" };
        view = await _browser.UntilAsync("the governor", view => view.Headline.StartsWith("Less is mirrored", StringComparison.Ordinal));
        Assert.That((view.Tone, view.Because), Is.EqualTo(("warn", "The agent uses 740m. All 4 pods in scope are captured.")));

        scene.PolicyErrors = [new PolicyError(6, "rules[0].sampel", "there is no such key"), new PolicyError(9, "", "too many rules")];
        scene.Warnings = ["the policy file has 2 error(s) and is not in force: policy:6: rules[0].sampel: there is no such key"];
        view = await _browser.UntilAsync("the policy", view => view.Headline == "The policy file is not in force");
        Assert.That(view.Because, Does.Contain("It has 2 errors; revision 4f1c0a9be27d stays in force."));
        Assert.That(view.Todo, Is.EqualTo(new[]
        {
            "The policy file has 2 error(s) and is not in force: policy:6: rules[0].sampel: there is no such key.",
            "policy:9: too many rules",
        }));

        scene.Lost[LossReason.Malformed] = 13;
        view = await _browser.UntilAsync("losses", view => view.Headline == "Frames are being lost");
        Assert.That(view.Because, Does.StartWith("In the last minute as malformed."));
        Assert.That(view.Todo.Last(), Does.StartWith("Lost as malformed: their headers contradict each other"));
        Assert.That(view.Flow, Has.Some.EqualTo("lost: malformed").And.Some.EqualTo("left out: duplicate").And.Some.EqualTo("delivered"));

        scene.Add("shop", "e", PodState.Unsupported);
        view = await _browser.UntilAsync("a pod", view => view.Headline == "1 of 5 pods in scope is not captured");
        Assert.That(view.Todo[0], Does.StartWith("shop/e is unsupported: it is on the host's network"));

        scene.Sensor = new SensorStatus(SensorState.Missing, SensorReads.Sniff, [], "no pod is selected");
        view = await _browser.UntilAsync("the sensor", view => view.Headline == "Nothing is delivered: the sensor is missing");
        Assert.That((view.Tone, view.Title[0]), Is.EqualTo(("bad", '✗')));
        Assert.That(view.Because, Does.StartWith("No pod is selected. 1 of 5 pods in scope is not captured. Frames are being lost."));
        Assert.That(await _browser.FaultsAsync(), Is.Empty);
    }

    [Test]
    public async Task An_agent_that_is_gone_is_told_from_one_that_is_well()
    {
        HttpEndpoint endpoint = await new PageScene().With(2).StartAsync();
        await using (endpoint)
        {
            await _browser.OpenAsync(Url(endpoint));
            await _browser.UntilAsync("all is well", view => view.Tone == "ok");
        }

        PageView view = await _browser.UntilAsync("it is gone", view => view.Tone == "bad");
        Assert.That(view.Headline, Is.EqualTo("The agent does not answer"));
        Assert.That(view.Live, Does.StartWith("no word since"));
    }

    [Test]
    public async Task Of_250_pods_each_has_its_row_and_line()
    {
        await using HttpEndpoint endpoint = await new PageScene { Speed = 20 }.With(250).StartAsync();
        await _browser.OpenAsync(Url(endpoint), width: 360);
        PageView view = await _browser.UntilAsync("lines", view => view.Sparks > 200);
        Assert.That(view.Shown, Is.EqualTo($"{view.Rows.Length} of 250"));
        Assert.That(view.Overflows, Is.False);
        Assert.That(view.Column(1), Is.Unique);
        Assert.That(await _browser.FaultsAsync(), Is.Empty);
    }

    /// <summary>Everything at once.</summary>
    private static PageScene Worst(PageScene scene)
    {
        scene.Add("shop", "late-0", PodState.Pending).Add("shop", "host-0", PodState.Unsupported)
            .Add("web", "other-0", PodState.NotSelected);
        scene.Lost[LossReason.KernelRing] = 7;
        scene.PolicyErrors = [new PolicyError(6, "rules[0].sampel", "there is no such key")];
        scene.Warnings = ["two pods have one address"];
        scene.Governor = scene.Governor with { Level = GovernorLevel.SliceLow, Reason = "the agent uses 740m" };
        return scene;
    }

    private static string Url(HttpEndpoint endpoint) => $"http://{endpoint.Addresses.Single()}/";
}
