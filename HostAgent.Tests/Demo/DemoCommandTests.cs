using System.Diagnostics;
using System.Text.Json;
using System.Threading.Channels;
using HostAgent.Lab;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Demo;

/// <summary>The demo as a user runs it: as a program.</summary>
[TestFixture]
internal sealed class DemoCommandTests
{
    private static string[] Demo => [.. AgentProgram.Command, "demo"];

    [SetUp]
    public void Needs()
    {
        Require.Root();
        Require.Program("ip");
    }

    [Test]
    public async Task It_shows_every_frame_mirrored_and_accounted_for()
    {
        (int? code, string output, string error) = await RunAsync([.. Demo, "--duration", "3s", "--output", "json"]);
        Assert.That(code, Is.Zero, error);
        using var document = JsonDocument.Parse(output.TrimEnd('\n').Split('\n')[^1]);
        JsonElement demo = document.RootElement, sensor = demo.GetProperty("sensor");
        Assert.That(demo.EnumerateObject().Select(member => member.Name),
            Is.EqualTo(["pods", "captured", "seen", "delivered", "segments", "losses", "balanced", "sensor", "dial", "connections"]));
        Assert.That(sensor.EnumerateObject().Select(member => member.Name),
            Is.EqualTo(["frames", "badChecksums", "badOuterChecksums", "duplicates", "oversize", "fragments"]));
        JsonElement dial = demo.GetProperty("dial");
        Assert.That(dial.EnumerateObject().Select(member => member.Name), Is.EqualTo(["seen", "delivered", "slice", "sample", "balanced"]));
        Assert.That(Math.Min(Number(dial, "slice"), Number(dial, "sample")), Is.Positive);
        Assert.That(
            Number(dial, "seen"), Is.GreaterThanOrEqualTo(new[] { "delivered", "slice", "sample" }.Sum(name => Number(dial, name))));
        Assert.That(Number(demo, "connections"), Is.EqualTo(4), "one LDAP lookup, two HTTP requests, one DNS query");
        Assert.That((Number(demo, "pods"), Number(demo, "captured")), Is.EqualTo((4, 4)));
        Assert.That(demo.GetProperty("balanced").GetBoolean());
        Assert.That(Number(demo, "seen"),
            Is.EqualTo(Number(demo, "delivered") + demo.GetProperty("losses").EnumerateObject().Sum(loss => loss.Value.GetInt64())));
        Assert.That(Number(demo, "segments"), Is.GreaterThan(Number(demo, "delivered")), "super-frames were cut");
        Assert.That(Number(sensor, "frames"), Is.EqualTo(Number(demo, "segments")));
        Assert.That(new[] { "badChecksums", "badOuterChecksums", "oversize", "fragments" }.Sum(name => Number(sensor, name)), Is.Zero);

        static long Number(JsonElement parent, string name) => parent.GetProperty(name).GetInt64();
    }

    [Test]
    public async Task Interrupted_it_removes_everything()
    {
        await using ChildProcess demo = await StartAndReachTrafficAsync();
        demo.Terminate();
        Assert.That(await demo.WaitAsync(TimeSpan.FromSeconds(30)), Is.EqualTo(1), demo.Errors);
        Assert.That(Left(demo.Id), Is.Empty);
    }

    [Test]
    public async Task Held_it_goes_on_with_its_page_until_it_is_interrupted()
    {
        await using var demo = ChildProcess.Start(new ProcessStartInfo(Demo[0], [.. Demo[1..], "--duration", "1s", "--hold"]));
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        string line;
        do line = await demo.ReadLineAsync(patience.Token);
        while (!line.Contains("Ctrl-C", StringComparison.Ordinal));
        string address = line.Split(' ').Single(word => word.StartsWith("http://", StringComparison.Ordinal)).TrimEnd(';');
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        Assert.That(await client.GetStringAsync(new Uri(address), patience.Token), Does.Contain("<title>host-agent</title>"));
        demo.Terminate();
        int? code = await demo.WaitAsync(TimeSpan.FromSeconds(30));
        string rest = demo.Unread;
        Assert.That(code, Is.Zero, $"all held: {rest}\n{demo.Errors}");
        Assert.That(rest, Does.Contain("The agent ended"));
        Assert.That(Left(demo.Id), Is.Empty);
    }

    [Test]
    public async Task Killed_it_leaves_things_behind_and_the_next_run_removes_them()
    {
        int id;
        await using (ChildProcess demo = await StartAndReachTrafficAsync())
        {
            id = demo.Id;
            Assert.That(Left(id), Has.Length.GreaterThanOrEqualTo(8), "seven namespaces and a folder while it runs");
        }

        (int? code, _, string error) = await RunAsync([.. Demo, "--duration", "1s"]);
        Assert.That(code, Is.Zero, error);
        Assert.That(Left(id), Is.Empty);
    }

    [Test]
    public async Task Without_root_it_says_so_in_one_line()
    {
        (int? code, string output, string error) = await RunAsync(["setpriv", "--reuid", "65534", "--clear-groups", .. Demo]);
        Assert.That((code, output), Is.EqualTo((1, "")));
        Assert.That(error.TrimEnd('\n'), Does.Contain("needs root").And.Not.Contain('\n'));
    }

    [Test]
    public async Task Without_ip_it_names_the_package_in_one_line()
    {
        string program = Environment.GetEnvironmentVariable("PATH")!.Split(':')
            .Select(folder => Path.Combine(folder, Demo[0])).First(File.Exists);
        var start = new ProcessStartInfo(program, Demo[1..]);
        start.Environment["PATH"] = "/nonexistent";
        (int? code, string output, string error) = await RunAsync(start);
        Assert.That((code, output), Is.EqualTo((1, "")));
        Assert.That(error.TrimEnd('\n'), Does.Contain("iproute2").And.Not.Contain('\n'));
    }

    /// <summary>Starts a long demo and waits until pods' traffic runs.</summary>
    private static async Task<ChildProcess> StartAndReachTrafficAsync()
    {
        var demo = ChildProcess.Start(new ProcessStartInfo(Demo[0], [.. Demo[1..], "--duration", "60s"]));
        var said = new List<string>();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        try
        {
            while (said is not [.., var last] || !last.Contains("traffic for", StringComparison.Ordinal))
                said.Add(await demo.ReadLineAsync(patience.Token));
            return demo;
        }
        catch (Exception e) when (e is OperationCanceledException or ChannelClosedException)
        {
            await using (demo) throw new AssertionException($"no traffic: {string.Join('\n', said)}\n{demo.Errors}", e);
        }
    }

    /// <summary>What there is of a demo's: namespaces, processes other than itself, folders.</summary>
    private static string[] Left(int pid) =>
    [
        .. Directory.EnumerateFiles("/run/netns", $"hostagent-demo-{pid}-*"),
        .. Directory.EnumerateDirectories(Path.GetTempPath(), $"hostagent-demo-{pid}-*"),
        .. Process.GetProcesses()
            .Where(process => CommandLine(process.Id).Contains($"hostagent-demo-{pid}-", StringComparison.Ordinal))
            .Select(process => $"process {process.Id}"),
    ];

    private static string CommandLine(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/cmdline");
        }
        catch (IOException)
        {
            return "";
        }
    }

    private static Task<ProgramRun> RunAsync(string[] command) => RunAsync(new ProcessStartInfo(command[0], command[1..]));

    private static Task<ProgramRun> RunAsync(ProcessStartInfo start) =>
        Task.Run(() => HostTool.RunToEnd(start, patience: TimeSpan.FromMinutes(2)));
}
