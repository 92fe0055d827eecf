using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using HostAgent.Cluster;
using HostAgent.Lab;

namespace HostAgent.Tests.Cluster;

/// <summary>Who the agent believes, and how it shows who it is, over real TLS.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
[Parallelizable]
internal sealed class ApiCredentialsTests
{
    private const string V1 = "apiVersion: client.authentication.k8s.io/v1";

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

    [TestCase("127.0.0.1")]
    [TestCase("::1")]
    public async Task A_service_account_is_used_and_its_token_read_again(string host)
    {
        await using ApiServer server = await ApiServer.StartAsync(IPAddress.Parse(host));
        string valid = "first";
        server.OnRequest = async (request, context) =>
        {
            if (request.Authorization == $"Bearer {valid}") return false;
            await ApiServer.StatusAsync(context, 401, "Unauthorized");
            return true;
        };
        _directory.Write("token", "first\n");
        _directory.Write("ca.crt", server.Authority.Pem);
        ApiCredentials credentials = ServiceAccount.Read(
            name => name == "KUBERNETES_SERVICE_HOST" ? host
                : name == "KUBERNETES_SERVICE_PORT" ? server.Url.Port.ToString(null, null)
                : null,
            _directory.Path);
        await using var watches = new RunningWatches(credentials, new ApiTimeouts { Watch = TimeSpan.FromSeconds(1) });
        Eventually.That(() => watches.Synced, "the first token");
        valid = "second";
        Eventually.That(() => watches.PodLoop.Problem?.Contains("credentials", StringComparison.Ordinal) == true,
            "the old token is refused");
        _directory.Write("token", "second");
        server.Objects.PutPod("p");
        Eventually.That(() => watches.Equal(server.Objects) && watches.PodLoop.Problem is null, "the new token");
    }

    [Test]
    public void Without_a_service_account_it_says_what_to_do()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(() => ServiceAccount.Read(_ => null),
                Throws.TypeOf<ApiCredentialsException>().With.Message.Contains("--kubeconfig"));
            Assert.That(
                () => ServiceAccount.Read(name => name.EndsWith("HOST", StringComparison.Ordinal) ? "10.0.0.1" : "443", _directory.Path),
                Throws.TypeOf<ApiCredentialsException>().With.Message.Contains("token cannot be read"));
        }
    }

    [Test]
    public async Task A_server_of_another_authority_gets_no_credential()
    {
        using var other = new LabAuthority("other-ca");
        await RefusedAsync(_server, ApiServer.For(_server.Url, other.Pem) with { Token = () => "secret" },
            "not one of the cluster's authority");
    }

    [Test]
    public async Task A_server_with_another_name_gets_no_credential()
    {
        await using ApiServer server = await ApiServer.StartAsync(names: ["kubernetes.default.svc"]);
        await RefusedAsync(server, server.Credentials with { Token = () => "secret" }, "does not bear the name 127.0.0.1");
        await using var watches = new RunningWatches(server.Credentials with { ServerName = "kubernetes.default.svc" });
        Eventually.That(() => watches.Synced, "the name that was given");
    }

    [Test]
    public async Task A_server_that_the_system_does_not_trust_gets_no_credential() =>
        await RefusedAsync(_server, _server.Credentials with { Authorities = null, Token = () => "secret" }, "not trusted by this system");

    [Test]
    public async Task A_clients_certificate_of_the_same_authority_is_no_servers()
    {
        using X509Certificate2 certificate = _server.Authority.ForClient("127.0.0.1", "127.0.0.1");
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var received = new List<byte>();
        Task serve = Task.Run(async () =>
        {
            try
            {
                while (true)
                {
                    using Socket socket = await listener.AcceptSocketAsync();
                    await using var tls = new SslStream(new NetworkStream(socket));
                    await tls.AuthenticateAsServerAsync(certificate);
                    int first = tls.ReadByte();
                    if (first >= 0) received.Add((byte)first);
                }
            }
            catch (Exception e) when (e is IOException or SocketException or InvalidOperationException or AuthenticationException)
            {
                // The agent went away, or the test is over.
            }
        });
        var credentials = _server.Credentials with
        {
            Server = new Uri($"https://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}"),
            Token = () => "secret",
        };
        await using (var watches = new RunningWatches(credentials))
        {
            Eventually.That(() => watches.PodLoop.Problem is not null, "the problem");
            Assert.That(watches.PodLoop.Problem, Does.Contain("not one of the cluster's authority (NotValidForUsage)"));
        }

        listener.Stop();
        await serve;
        Assert.That(received, Is.Empty);
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_kubeconfigs_client_certificate_is_shown(bool inline)
    {
        using X509Certificate2 client = _server.Authority.ForClient("agent");
        string certificate = client.ExportCertificatePem();
        string key = LabAuthority.KeyOf(client);
        if (!inline)
        {
            Directory.CreateDirectory(_directory.File("pki"));
            _directory.Write("pki/ca.crt", _server.Authority.Pem);
            _directory.Write("pki/client.crt", certificate);
            _directory.Write("pki/client.key", key);
        }

        string path = _directory.Write("config", Config(
            inline ? $"certificate-authority-data: {Base64(_server.Authority.Pem)}" : "certificate-authority: pki/ca.crt",
            inline
                ? $"client-certificate-data: {Base64(certificate)}, client-key-data: {Base64(key)}"
                : "client-certificate: pki/client.crt, client-key: pki/client.key"));
        await using var watches = new RunningWatches(Kubeconfig.Read(path));
        Eventually.That(() => watches.Synced, "the lists");
        Assert.That(_server.Requests.First().ClientName, Is.EqualTo("CN=agent"));
    }

    [TestCase("token: t1", "t1")]
    [TestCase("token: t1, tokenFile: token.txt", "t2")]
    public async Task A_kubeconfigs_token_is_shown(string user, string token)
    {
        _directory.Write("token.txt", "t2\n");
        string path = _directory.Write("config", Config($"certificate-authority-data: {Base64(_server.Authority.Pem)}", user));
        await using var watches = new RunningWatches(Kubeconfig.Read(path));
        Eventually.That(() => watches.Synced, "the lists");
        Assert.That(_server.Requests.Select(r => r.Authorization), Is.All.EqualTo($"Bearer {token}"));
    }

    [Test]
    public async Task A_local_proxy_without_TLS_is_used_as_it_is()
    {
        await using ApiServer server = await ApiServer.StartAsync(tls: false);
        server.Objects.PutPod("p");
        string path = _directory.Write("config", $$$"""
            {"kind": "Config", "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "k"}}],
             "clusters": [{"name": "k", "cluster": {"server": "http://127.0.0.1:{{{server.Url.Port}}}/"}}]}
            """);
        await using var watches = new RunningWatches(Kubeconfig.Read(path));
        Eventually.That(() => watches.Equal(server.Objects) && watches.Synced, "the lists");
    }

    [TestCase("certificate-authority-data: x", "token: t", "certificate-authority-data is not base64")]
    [TestCase("certificate-authority-data: aGVsbG8=", "token: t", "holds no certificate")]
    [TestCase("certificate-authority: none.crt", "token: t", "none.crt cannot be read")]
    [TestCase("insecure-skip-tls-verify: true", "token: t", "insecure-skip-tls-verify is not accepted")]
    [TestCase("proxy-url: '10.0.0.1:3128'", "token: t", "config: proxy-url is no URL of a proxy; write it with its scheme")]
    [TestCase("proxy-url: 'proxy:3128'", "token: t", "http, https or socks5")]
    [TestCase("proxy-url: 'ftp://proxy:21'", "token: t", "proxy-url is no URL of a proxy")]
    [TestCase("x: y", "exec: []", "(exec) is no mapping")]
    [TestCase("x: y", "exec: {command: sh}", "has apiVersion \"\"")]
    [TestCase("x: y", "exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: sh}",
        "has apiVersion \"client.authentication.k8s.io/v1alpha1\"; the agent runs")]
    [TestCase("x: y", $"exec: {{{V1}, command: sh}}", "has no interactiveMode")]
    [TestCase("x: y", $"exec: {{{V1}, command: sh, interactiveMode: Always}}", "nobody answers its questions")]
    [TestCase("x: y", $"exec: {{{V1}, command: sh, interactiveMode: Perhaps}}", "interactiveMode \"Perhaps\"; give Never or IfAvailable")]
    [TestCase("x: y", $"exec: {{{V1}, interactiveMode: Never}}", "has no command")]
    [TestCase("x: y", $"exec: {{{V1}, interactiveMode: Never, command: no-such-plugin}}",
        "needs \"no-such-plugin\", which is on no directory of PATH; install it")]
    [TestCase("x: y", $"exec: {{{V1}, interactiveMode: Never, command: no-such-plugin, installHint: see example.com}}",
        "its installHint: \"see example.com\"")]
    [TestCase("x: y", $"exec: {{{V1}, interactiveMode: Never, command: bin/plugin}}",
        "needs \"bin/plugin\", which is no file that can be executed")]
    [TestCase("x: y", $"exec: {{{V1}, interactiveMode: Never, command: ./config}}",
        "needs \"./config\", which is no file that can be executed")]
    [TestCase("x: y", $"exec: {{{V1}, interactiveMode: Never, command: sh, args: text}}", "args that are no list of texts")]
    [TestCase("x: y", $"exec: {{{V1}, interactiveMode: Never, command: sh, args: [{{a: b}}]}}", "args that are no list of texts")]
    [TestCase("x: y", $"exec: {{{V1}, interactiveMode: Never, command: sh, env: {{a: b}}}}", "env that is no list of names and values")]
    [TestCase("x: y", $"exec: {{{V1}, interactiveMode: Never, command: sh, env: [{{value: b}}]}}", "entry of env without a valid name")]
    [TestCase("x: y", $"exec: {{{V1}, interactiveMode: Never, command: sh, env: [{{name: a=b}}]}}", "entry of env without a valid name")]
    [TestCase("x: y", "auth-provider: {name: gcp}", "auth providers are not supported")]
    [TestCase("x: y", "username: u, password: p", "basic authentication")]
    [TestCase("x: y", "as: admin, token: t", "impersonation")]
    [TestCase("x: y", "tokenFile: none.txt", "none.txt cannot be read")]
    [TestCase("x: y", "client-certificate: client.crt", "takes both")]
    [TestCase("x: y", "client-certificate-data: aGVsbG8=, client-key-data: aGVsbG8=", "client certificate and key cannot be used")]
    public void What_a_kubeconfig_cannot_have_is_said(string cluster, string user, string message) =>
        Assert.That(() => Kubeconfig.Read(_directory.Write("config", Config(cluster, user))),
            Throws.TypeOf<ApiCredentialsException>().With.Message.Contains(message));

    [TestCase("http://10.0.0.1:3128")]
    [TestCase("https://proxy.example:3128")]
    [TestCase("socks5://proxy:1080")]
    public void A_kubeconfigs_proxy_is_taken(string url) =>
        Assert.That(Kubeconfig.Read(_directory.Write("config", Config($"proxy-url: '{url}'", "token: t"))).Proxy, Is.EqualTo(new Uri(url)));

    [TestCase("", "no kubeconfig")]
    [TestCase("a: [", "no kubeconfig")]
    [TestCase("[]", "current-context")]
    [TestCase("kind: Config", "current-context is not set")]
    [TestCase("current-context: c", "contexts has no entry \"c\"")]
    [TestCase("{current-context: c, contexts: [{name: c, context: {}}]}", "names no cluster")]
    [TestCase("{current-context: c, contexts: [{name: c, context: {cluster: k}}]}", "clusters has no entry \"k\"")]
    [TestCase("{current-context: c, contexts: [{name: c, context: {cluster: k}}], clusters: [{name: k, cluster: {}}]}", "no server")]
    [TestCase("{current-context: c, contexts: [{name: c, context: {cluster: k}}], clusters: [{name: k, cluster: {server: 'file:///x'}}]}",
        "no https URL")]
    [TestCase("{current-context: c, contexts: [{name: c, context: {cluster: k, user: u}}], "
        + "clusters: [{name: k, cluster: {server: 'http://x'}}], users: [{name: u, user: {token: t}}]}", "not sent over http")]
    [TestCase("{current-context: c, contexts: [{name: c, context: {cluster: k, user: u}}], "
        + "clusters: [{name: k, cluster: {server: 'http://x'}}], "
        + "users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: sh}}}]}", "not sent over http")]
    public void A_kubeconfig_that_leads_nowhere_is_named(string text, string message)
    {
        string path = _directory.Write("config", text);
        Assert.That(() => Kubeconfig.Read(path),
            Throws.TypeOf<ApiCredentialsException>().With.Message.StartsWith(path).And.Message.Contains(message));
    }

    [Test]
    public void A_missing_kubeconfig_is_named() =>
        Assert.That(() => Kubeconfig.Read(_directory.File("none")),
            Throws.TypeOf<ApiCredentialsException>().With.Message.Contains("none cannot be read"));

    private static async Task RefusedAsync(ApiServer server, ApiCredentials credentials, string message)
    {
        await using var watches = new RunningWatches(credentials);
        Eventually.That(() => watches.PodLoop.Problem is not null, "the problem");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(watches.PodLoop.Problem, Does.Contain(message));
            Assert.That(server.Requests, Is.Empty);
        }
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private string Config(string cluster, string user) => $"""
        apiVersion: v1
        kind: Config
        current-context: test
        contexts:
        - name: other
          context: {"{cluster: none, user: none}"}
        - name: test
          context: {"{cluster: rig, user: agent}"}
        clusters:
        - name: rig
          cluster: {"{"}server: "https://127.0.0.1:{_server.Url.Port}", {cluster}{"}"}
        users:
        - name: agent
          user: {"{"}{user}{"}"}
        """;
}
