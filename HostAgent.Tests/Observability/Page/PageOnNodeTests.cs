using HostAgent.Lab;
using HostAgent.Observability;
using HostAgent.Tests.Network;
using HostAgent.Tests.Tunnel;

namespace HostAgent.Tests.Observability;

/// <summary>
/// The page of the agent at work, in a browser on its node. With the variable SCREENSHOTS, the folder for them, it takes those of
/// docs/page.md, and lets the traffic run longer for each.
/// </summary>
[Parallelizable]
internal sealed class PageOnNodeTests
{
    private const string Url = "http://127.0.0.1:9460/";

    private static readonly TimeSpan Pause = PageBrowser.Screenshots is null ? TimeSpan.Zero : TimeSpan.FromSeconds(40);

    [Test]
    public async Task What_becomes_of_pods_frames_policy_and_sensor_is_on_the_page_at_once()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork api = node.AddRouted("api-7d9f8b-x2k9d"), db = node.AddRouted("db-0"), web = node.AddBridged("frontend-5c4d-q7w");
        PodNetwork sensor = node.AddRouted("sensor", mtu: 9000);
        node.Probe(web);
        (string, PodNetwork)[] pods = [("shop", api), ("shop", db), ("web", web)];
        await using SensorProcess<SensorReport> receiver = await SniffingSensor.StartAsync(sensor, CancellationToken.None);
        await using var agent = new AgentOnNode(node, AgentFiles.Selected, [.. pods, (AgentFiles.Security, sensor)]);
        await agent.ReadyAsync(3);
        await using PageBrowser browser = await PageBrowser.StartAsync(node.Namespace);
        await browser.OpenAsync(Url, height: 1080);
        PageView view = await browser.UntilAsync("three pods", view => view.Tiles.GetValueOrDefault("Pods captured") is ['3', ..]);
        Assert.That(view.Headline + view.Because, Does.Contain("All 3 pods in scope are captured"));
        Assert.That(view.Column(3), Is.EquivalentTo(pods.Select(pod => pod.Item2.HostLink)));
        Assert.That(view.Column(4), Is.EquivalentTo(new[] { "route", "route", "neighbour" }));
        Assert.That(view.Changes, Has.Exactly(3).StartsWith("added"));

        using var stop = new CancellationTokenSource();
        Task<long>[] traffic =
        [
            ShortHttp.RunAsync(api, db, db.Ipv4, 60, long.MaxValue, stop.Token),
            ShortHttp.RunAsync(web, api, api.Ipv4, 25, long.MaxValue, stop.Token),
            BurstsAsync(db, web, stop.Token),
        ];
        view = await browser.UntilAsync("traffic", view => view.Sparks == 3 && view.Column(5).All(rate => rate is not ("0" or "–")));
        Assert.That(view.Tiles["Delivered, frames/s"], Does.Not.StartWith("0;"));
        Assert.That(view.Flow, Does.Contain("delivered"));
        await ShotAsync(browser, "well", view => view.Tone == "ok");

        agent.WritePolicyText("kind: MirrorPolicy\napiVersion: hostagent/v1\nsensor: {}\nrulez: []\n");
        view = await browser.UntilAsync("the bad policy", view => view.Headline == "The policy file is not in force");
        Assert.That(view.Todo, Has.Some.Contains("rulez"));
        Assert.That(view.Because, Does.Contain("stays in force"));
        await ShotAsync(browser, "policy", _ => true);
        agent.WritePolicy(AgentFiles.Selected);
        await browser.UntilAsync("the policy is good again", view => view.Headline != "The policy file is not in force");

        // While the agent does not get to read it, the ring fills.
        Task<long> bulk = BulkTcp.RunAsync(api, db, db.Ipv4, 125e6, long.MaxValue, stop.Token);
        do await agent.PauseAsync(TimeSpan.FromSeconds(3));
        while ((await agent.UntilAsync("it answers", _ => true)).Ledger.Losses["kernel_ring"] == 0);
        view = await browser.UntilAsync("losses", view => view.Headline == "Frames are being lost");
        Assert.That(view.Flow, Does.Contain("lost: kernel_ring"));
        Assert.That(view.Todo, Has.Some.Contains("the ring is full when they come"));
        await ShotAsync(browser, "losing", _ => true);

        agent.WritePods(pods);
        view = await browser.UntilAsync("no sensor", view => view.Headline == "Nothing is delivered: the sensor is missing");
        Assert.That(view.Changes[0], Does.Contain("3 captured pods").And.Contain("-> none"));
        await browser.UntilAsync("its losses", view => view.Flow.Contains("lost: no_sensor"));
        await ShotAsync(browser, "sensor", _ => true);

        await stop.CancelAsync();
        await Task.WhenAll([.. traffic, bulk]);
        Assert.That(await browser.FaultsAsync(), Is.Empty);
    }

    [Test]
    public async Task With_250_pods()
    {
        await using PageBrowser browser = await PageBrowser.StartAsync();
        await using HttpEndpoint endpoint = await new PageScene { Speed = 20 }.With(250).StartAsync();
        await browser.OpenAsync($"http://{endpoint.Addresses.Single()}/", "dark", height: 1500);
        PageView view = await browser.UntilAsync("long lines", view => view.Sparks > 200 && view.Tiles.Count == 6);
        Assert.That(view.Headline, Does.EndWith("pods in scope are not captured"));
        Assert.That(view.Todo.Single(), Does.EndWith("Show them"));
        await ShotAsync(browser, "250-pods", _ => true);
        await browser.TabToAsync("Show them");
        await browser.PressAsync("Enter");
        view = await browser.ReadAsync();
        Assert.That(view.Column(0), Is.Not.Empty.And.None.EqualTo("captured"));
    }

    private static async Task<long> BurstsAsync(PodNetwork from, PodNetwork to, CancellationToken stop)
    {
        long answered = 0;
        while (!stop.IsCancellationRequested)
        {
            answered += await ShortHttp.RunAsync(from, to, to.Ipv4, 90, 250, stop);
            await Task.Delay(TimeSpan.FromSeconds(5), stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return answered;
    }

    /// <summary>Of the page as it is a while later; nothing in a plain run.</summary>
    private static async Task ShotAsync(PageBrowser browser, string name, Predicate<PageView> when)
    {
        if (PageBrowser.Screenshots is not { } folder) return;
        await Task.Delay(name is "250-pods" or "losing" ? Pause / 3 : Pause);
        await browser.UntilAsync(name, when);
        await browser.ShotAsync(Path.Combine(folder, $"page-{name}.png"));
    }
}
