using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using HostAgent.Cluster;
using HostAgent.Lab;
using Microsoft.Extensions.Logging;

namespace HostAgent.Tests.Cluster;

/// <summary>Credential plugins of a kubeconfig: shell scripts that are really run, against a server over real TLS.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class ExecPluginTests
{
    private const string V1 = "client.authentication.k8s.io/v1";
    private const string V1Beta1 = "client.authentication.k8s.io/v1beta1";

    /// <summary>
    /// Watches that are started anew every second, so that there are requests to see; and plugins that may run at once again.
    /// </summary>
    private static readonly ApiTimeouts Timeouts =
        new() { Watch = TimeSpan.FromSeconds(1), PluginPause = Pause(TimeSpan.FromMilliseconds(1)) };

    private readonly TemporaryDirectory _directory = new();
    private ApiServer _server = null!;

    [SetUp]
    public async Task SetUp() => _server = await ApiServer.StartAsync();

    [TearDown]
    public async Task TearDown()
    {
        await _server.DisposeAsync();
        _directory.Dispose();
    }

    [TestCase(V1)]
    [TestCase(V1Beta1)]
    public async Task It_runs_when_a_request_needs_it_and_once_for_all_of_them(string version)
    {
        ApiCredentials credentials = Read(Plugin($"echo '{Token("t1", version)}'"), version: version);
        Assert.That(Runs, Is.Zero, "to read the file runs nothing");
        await using var watches = new RunningWatches(credentials, Timeouts);
        Eventually.That(() => watches.Synced && _server.Requests.Count > 6, "lists and further watches");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(_server.Requests.Select(r => r.Authorization), Is.All.EqualTo("Bearer t1"));
            Assert.That(Runs, Is.EqualTo(1));
            Assert.That(Lines(watches, LogLevel.Information, "was run and gave a token, valid until the API server refuses it"),
                Is.EqualTo(1));
            Assert.That(watches.Log.All.Select(l => l.Text), Has.None.Contains("t1"));
        }
    }

    [Test]
    public async Task It_is_given_arguments_variables_and_the_cluster()
    {
        string plugin = Plugin(
            $"printf '%s\\n' \"$@\" \"$ONE$TWO\" >given; printf '%s' \"$KUBERNETES_EXEC_INFO\" >info; echo '{Token("t1")}'");
        await using var watches = new RunningWatches(
            Read(plugin, "args: [get token, '--x', ''], env: [{name: ONE, value: a b}, {name: TWO, value: $c}], provideClusterInfo: true"),
            Timeouts);
        Eventually.That(() => watches.Synced, "the lists");
        using var info = JsonDocument.Parse(File.ReadAllText(_directory.File("info")));
        JsonElement spec = info.RootElement.GetProperty("spec");
        JsonElement cluster = spec.GetProperty("cluster");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(File.ReadAllText(_directory.File("given")), Is.EqualTo("get token\n--x\n\na b$c\n"));
            Assert.That(info.RootElement.GetProperty("kind").GetString(), Is.EqualTo("ExecCredential"));
            Assert.That(info.RootElement.GetProperty("apiVersion").GetString(), Is.EqualTo(V1));
            Assert.That(spec.GetProperty("interactive").GetBoolean(), Is.False);
            Assert.That(cluster.GetProperty("server").GetString(), Is.EqualTo($"https://127.0.0.1:{_server.Url.Port}"));
            Assert.That(Encoding.UTF8.GetString(cluster.GetProperty("certificate-authority-data").GetBytesFromBase64()),
                Is.EqualTo(_server.Authority.Pem));
            Assert.That(cluster.GetProperty("config").GetProperty("audience").GetString(), Is.EqualTo("the plugin's own"));
        }
    }

    [Test]
    public async Task It_is_not_told_of_the_cluster_unless_the_kubeconfig_says_so()
    {
        string plugin = Plugin($"printf '%s' \"$KUBERNETES_EXEC_INFO\" >info; echo '{Token("t1")}'");
        await using var watches = new RunningWatches(Read(plugin), Timeouts);
        Eventually.That(() => watches.Synced, "the lists");
        Assert.That(File.ReadAllText(_directory.File("info")),
            Is.EqualTo($"{{\"kind\":\"ExecCredential\",\"apiVersion\":\"{V1}\",\"spec\":{{\"interactive\":false}}}}"));
    }

    [TestCase("bin/plugin")]
    [TestCase("./bin/plugin")]
    public async Task A_path_is_relative_to_the_kubeconfig(string command)
    {
        Directory.CreateDirectory(_directory.File("bin"));
        Plugin($"echo '{Token("t1")}'", "bin/plugin");
        await using var watches = new RunningWatches(Read(command), Timeouts);
        Eventually.That(() => watches.Synced, "the lists");
        Assert.That(_server.Requests.Select(r => r.Authorization), Is.All.EqualTo("Bearer t1"));
    }

    [Test]
    public async Task A_bare_name_is_looked_for_on_PATH_alone()
    {
        Plugin("exit 1", "sh");
        await using var watches = new RunningWatches(
            Read("sh", $"args: ['-c', 'cat {_directory.Write("answer", Token("t1"))}']"), Timeouts);
        Eventually.That(() => watches.Synced, "the lists");
        Assert.That(_server.Requests.Select(r => r.Authorization), Is.All.EqualTo("Bearer t1"));
    }

    [Test]
    public async Task A_token_beside_it_makes_it_needless()
    {
        await using var watches = new RunningWatches(
            Kubeconfig.Read(Config($"token: own, exec: {{apiVersion: {V1Beta1}, command: {Plugin("exit 1")}}}")), Timeouts);
        Eventually.That(() => watches.Synced, "the lists");
        Assert.That((_server.Requests.First().Authorization, Runs), Is.EqualTo(("Bearer own", 0)));
    }

    [Test]
    public async Task What_has_expired_is_not_shown_again()
    {
        string plugin = Plugin(
            "until=$(date -u -d '2 seconds' +%Y-%m-%dT%H:%M:%SZ); "
            + "printf '{\"kind\":\"ExecCredential\",\"apiVersion\":\"%s\",\"status\":{\"token\":\"t%s\",\"expirationTimestamp\":\"%s\"}}' "
            + $"{V1} \"$(wc -l <runs)\" \"$until\"");
        await using var watches = new RunningWatches(Read(plugin), Timeouts);
        Eventually.That(() => _server.Requests.Any(r => r.Authorization == "Bearer t3"), "a third token");
        string[] shown = [.. _server.Requests.Select(r => r.Authorization!)];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(shown.Distinct().Take(3), Is.EqualTo(new[] { "Bearer t1", "Bearer t2", "Bearer t3" }));
            Assert.That(watches.PodLoop.Problem, Is.Null);
            Assert.That(Lines(watches, LogLevel.Information,
                $"gave a token, valid until {DateTime.UtcNow.Year.ToString(CultureInfo.InvariantCulture)}"), Is.GreaterThanOrEqualTo(2));
        }
    }

    [Test]
    public async Task What_the_server_refuses_is_asked_for_again()
    {
        string valid = "first";
        _server.OnRequest = async (request, context) =>
        {
            if (request.Authorization == $"Bearer {valid}") return false;
            await ApiServer.StatusAsync(context, 401, "Unauthorized");
            return true;
        };
        _directory.Write("answer", Token("first"));
        await using var watches = new RunningWatches(Read(Plugin("cat answer")), Timeouts);
        Eventually.That(() => watches.Synced, "the first token");
        Assert.That(Runs, Is.EqualTo(1));
        _directory.Write("answer", Token("second"));
        valid = "second";
        _server.Objects.PutPod("p");
        Eventually.That(() => _server.Requests.Count(r => r.Authorization == "Bearer second") > 3, "requests with the second token");
        Eventually.That(() => watches.Equal(_server.Objects) && watches.PodLoop.Problem is null, "the watch");
        Assert.That(watches.PodLoop.Restarts(RestartReason.Unauthorized) + watches.NamespaceLoop.Restarts(RestartReason.Unauthorized),
            Is.Positive);
        Assert.That(Runs, Is.EqualTo(2));
    }

    [Test]
    public async Task A_server_that_refuses_everything_does_not_have_it_run_without_end()
    {
        _server.OnRequest = async (_, context) =>
        {
            await ApiServer.StatusAsync(context, 401, "Unauthorized");
            return true;
        };
        await using var watches = new RunningWatches(
            Read(Plugin($"echo '{Token("t1")}'")), Timeouts with { PluginPause = Pause(TimeSpan.FromHours(1)) },
            backoff: Pause(TimeSpan.FromMilliseconds(10)));
        Eventually.That(() => _server.Requests.Count > 20, "requests");
        Assert.That((Runs, watches.Synced), Is.EqualTo((1, false)));
    }

    [Test]
    public async Task A_certificate_is_shown_and_the_next_one_on_connections_of_its_own()
    {
        foreach (string name in new[] { "agent-1", "agent-2" })
        {
            using X509Certificate2 client = _server.Authority.ForClient(name);
            DateTime until = name == "agent-1" ? DateTime.UtcNow.AddSeconds(5) : DateTime.UtcNow.AddHours(1);
            _directory.Write(name, Answer(V1, JsonSerializer.Serialize(new Dictionary<string, string>
            {
                ["clientCertificateData"] = client.ExportCertificatePem(),
                ["clientKeyData"] = LabAuthority.KeyOf(client),
                ["expirationTimestamp"] = until.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
            })));
        }

        await using var watches = new RunningWatches(Read(Plugin("cat agent-$(wc -l <runs)")), Timeouts);
        Eventually.That(() => watches.Synced, "the lists");
        Assert.That((_server.Requests.First().ClientName, _server.Requests.First().Authorization),
            Is.EqualTo(("CN=agent-1", (string?)null)));
        Eventually.That(() => _server.Requests.Last().ClientName == "CN=agent-2", "the next certificate");
        _server.Objects.PutPod("p");
        Eventually.That(() => watches.Equal(_server.Objects), "the watch");
        Assert.That((watches.PodLoop.Problem, Runs), Is.EqualTo(((string?)null, 2)));
    }

    [TestCase("echo 'no login: run login first' >&2; exit 3", "ended with code 3: \"no login: run login first\"")]
    [TestCase("i=0; while [ $i -lt 99 ]; do echo \"line $i of many\" >&2; i=$((i+1)); done; exit 1", "line 98 of many\"")]
    [TestCase("exit 1", "ended with code 1; trying")]
    [TestCase("kill -9 $$", "ended with code 137")]
    [TestCase("echo secret", "prints no JSON")]
    [TestCase("", "prints no JSON")]
    [TestCase("echo '[\"secret\"]'", "prints no ExecCredential")]
    [TestCase("head -c 2000000 /dev/zero", "prints more than 1048576 bytes")]
    [TestCase("echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1beta1\","
        + "\"status\":{\"token\":\"secret\"}}'",
        "answers in apiVersion \"client.authentication.k8s.io/v1beta1\", and was asked for client.authentication.k8s.io/v1")]
    [TestCase("echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\"}'", "gives no status")]
    [TestCase("status '{\"token\":\"\"}'", "gives neither a token nor a certificate")]
    [TestCase("status '{\"token\":\"secret\\nx\"}'", "characters that no header can carry")]
    [TestCase("status '{\"clientKeyData\":\"secret\"}'", "one of clientCertificateData and clientKeyData")]
    [TestCase("status '{\"clientKeyData\":\"secret\",\"clientCertificateData\":\"x\"}'", "the client certificate and key cannot be used")]
    [TestCase("status '{\"token\":\"secret\",\"expirationTimestamp\":\"tomorrow\"}'", "expirationTimestamp that is no time")]
    public async Task What_goes_wrong_is_told_by_the_plugins_name_and_nothing_is_sent(string script, string message)
    {
        string plugin = Plugin(
            $"status() {{ printf '{{\"kind\":\"ExecCredential\",\"apiVersion\":\"{V1}\",\"status\":%s}}' \"$1\"; }}\n{script}");
        await using var watches = new RunningWatches(Read(plugin), Timeouts with { PluginPause = Pause(TimeSpan.FromHours(1)) });
        Eventually.That(() => watches.PodLoop.Problem is not null && watches.NamespaceLoop.Problem is not null, "the problem");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(watches.PodLoop.Problem + "; trying",
                Does.StartWith($"list pods: {_directory.File("config")}: credential plugin {plugin} ").And.Contains(message));
            Assert.That(watches.PodLoop.Restarts(RestartReason.Unauthorized), Is.Positive);
            Assert.That(_server.Requests, Is.Empty);
            Assert.That(Runs, Is.EqualTo(1), "both loops, one run");
            Assert.That(watches.Log.All.Count(l => l.Text.StartsWith("Credential plugin", StringComparison.Ordinal)), Is.EqualTo(1));
            Assert.That(watches.Log.All.Select(l => l.Text), Has.None.Contains("secret"));
        }
    }

    [Test]
    public async Task A_failure_is_outlived()
    {
        _directory.Write("answer", "");
        await using var watches = new RunningWatches(Read(Plugin("cat answer")), Timeouts);
        Eventually.That(() => watches.PodLoop.Problem is not null, "the problem");
        _directory.Write("answer", Token("t1"));
        Eventually.That(() => watches.Synced && watches.PodLoop.Problem is null, "the recovery");
    }

    [Test]
    public async Task One_that_does_not_end_is_killed_with_what_it_started_and_what_it_asks_is_told()
    {
        await using var watches = new RunningWatches(
            Read(Hanging()), Timeouts with { Plugin = TimeSpan.FromSeconds(2), PluginPause = Pause(TimeSpan.FromHours(1)) });
        Eventually.That(() => watches.PodLoop.Problem is not null, "the problem");
        Assert.That(watches.PodLoop.Problem, Does.Contain("was not done within 2 s and was killed: \"open example.com in a browser\""));
        Eventually.That(() => HasEnded("plugin.pid") && HasEnded("child.pid"), "their end");
        Assert.That(_server.Requests, Is.Empty);
    }

    [Test]
    public async Task It_ends_with_the_agent()
    {
        await using (var watches = new RunningWatches(Read(Hanging()), Timeouts))
            Eventually.That(() => File.Exists(_directory.File("child.pid")), "the run");
        Eventually.That(() => HasEnded("plugin.pid") && HasEnded("child.pid"), "their end", seconds: 10);
    }

    [Test]
    public async Task Its_pipes_are_closed_with_its_end()
    {
        var config = new ExecConfig
        {
            Place = "",
            Command = Plugin($"echo '{Token("t1")}'"),
            Arguments = [],
            Environment = [],
            ApiVersion = V1,
            Info = "",
        };
        string[] open = OpenDescriptors.Now();
        for (int i = 0; i < 5; i++) await ExecPlugin.RunAsync(config, TimeSpan.FromSeconds(20), default);
        Assert.That(OpenDescriptors.Now().Except(open), Has.None.Contains("pipe:"));
    }

    private int Runs => File.Exists(_directory.File("runs")) ? File.ReadAllLines(_directory.File("runs")).Length : 0;

    private static Backoff Pause(TimeSpan time) => new(time, time, time);

    private static int Lines(RunningWatches watches, LogLevel level, string text) =>
        watches.Log.All.Count(l => l.Level == level && l.Text.Contains(text, StringComparison.Ordinal));

    private static string Token(string token, string version = V1) => Answer(version, $"{{\"token\":\"{token}\"}}");

    private static string Answer(string version, string status) =>
        $"{{\"kind\":\"ExecCredential\",\"apiVersion\":\"{version}\",\"status\":{status}}}";

    /// <summary>A script that counts its runs.</summary>
    private string Plugin(string script, string name = "plugin")
    {
        string path = _directory.Write(name, $"#!/bin/sh\ncd '{_directory.Path}'\necho >>runs\n{script}\n");
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return path;
    }

    private string Hanging() => Plugin(
        "echo $$ >plugin.pid; echo 'open example.com in a browser' >&2; sleep 1000 & echo $! >child.new; mv child.new child.pid; wait");

    private bool HasEnded(string file)
    {
        try
        {
            // The name is between parentheses; Z is a zombie, whose parent has not heard of its end yet.
            return File.ReadAllText($"/proc/{File.ReadAllText(_directory.File(file)).Trim()}/stat")
                .Contains(") Z ", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return true;
        }
    }

    private ApiCredentials Read(string command, string more = "provideClusterInfo: false", string version = V1) =>
        Kubeconfig.Read(Config($"exec: {{apiVersion: {version}, interactiveMode: IfAvailable, command: {command}, {more}}}"));

    private string Config(string user) => _directory.Write("config", $"""
        current-context: test
        contexts:
        - name: test
          context: {"{cluster: rig, user: agent}"}
        clusters:
        - name: rig
          cluster:
            server: "https://127.0.0.1:{_server.Url.Port}"
            certificate-authority-data: {Convert.ToBase64String(Encoding.UTF8.GetBytes(_server.Authority.Pem))}
            extensions:
            - name: client.authentication.k8s.io/exec
              extension: {"{audience: the plugin's own}"}
        users:
        - name: agent
          user: {"{"}{user}{"}"}
        """);
}
