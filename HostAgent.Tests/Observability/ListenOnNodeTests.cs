using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using HostAgent.Lab;
using HostAgent.Links;
using HostAgent.Tests.Cluster;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Observability;

/// <summary>Where the program itself listens, and who can keep others from it.</summary>
[Parallelizable]
internal sealed class ListenOnNodeTests
{
    private const string Address = "10.111.0.1";

    private TemporaryDirectory _files = null!;
    private NodeNetwork _node = null!;
    private string[] _run = null!;

    [SetUp]
    public void SetUp()
    {
        _node = TestNode.Create();
        _files = new TemporaryDirectory();
        string policy = _files.Write("policy.yaml", AgentFiles.PolicyOf("{address: 127.0.0.1}"));
        _run = ["run", "--policy", policy, "--cluster-file", _files.Write("cluster.yaml", "[]"), "--node-name", "n", "--listen"];
    }

    [TearDown]
    public void TearDown()
    {
        _files.Dispose();
        _node.Dispose();
    }

    [Test]
    public async Task An_address_that_the_host_lacks_is_listened_on_when_it_comes()
    {
        await using ChildProcess agent = ChildProcess.Start(
            _node.Namespace, [.. AgentProgram.Command, .. _run, $"[{Address}]:9460,127.0.0.1:9460", "--insecure-metrics"]);
        bool Says(string path, string text) => Get("127.0.0.1", path).Contains(text, StringComparison.Ordinal);
        await Eventually.ThatAsync(() => Says("/status", $"nothing is served at {Address}:9460"), "the missing address is warned of");
        Assert.That(agent.Errors.Split('\n').Where(line => line.Contains(" warn: ", StringComparison.Ordinal)),
            Has.Exactly(1).Contains($"HttpEndpoint[0] nothing is served at {Address}:9460"));
        Assert.That(Get("127.0.0.1", "/metrics"), Does.Contain("\nhostagent_warnings 1\n"));
        Assert.That(Get(Address, "/livez"), Is.Empty);

        _node.Namespace.Ip($"addr add {Address}/32 dev lo");
        Assert.That(Get(Address, "/livez"), Does.StartWith("HTTP/1.1 200 "), "at once");
        await Eventually.ThatAsync(() => Says("/metrics", "\nhostagent_warnings 0\n"), "the warning is gone");
        Assert.That(agent.Errors, Does.Contain($"Listening on http://{Address}:9460 for /metrics /livez /readyz"));
        agent.Terminate();
        Assert.That(await agent.WaitAsync(TimeSpan.FromSeconds(5)), Is.Zero);
    }

    [Test]
    public async Task An_address_in_use_is_one_line_and_exit_code_1()
    {
        using Socket other = _node.Namespace.OpenSocket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        other.Bind(new IPEndPoint(IPAddress.Loopback, 9460));
        other.Listen();
        ProgramRun run = await AgentProgram.RunAsync(_node.Namespace, [.. _run, "127.0.0.1:9460"]);
        Assert.That(run.Code, Is.EqualTo(1));
        Assert.That(run.Messages().Single(), Does.StartWith("cannot listen on 127.0.0.1:9460: Address already in use"));
    }

    [Test]
    public async Task An_open_address_without_an_API_server_is_one_line_and_exit_code_1()
    {
        ProgramRun run = await AgentProgram.RunAsync(_node.Namespace, [.. _run, $"{Address}:9460"]);
        Assert.That(run.Code, Is.EqualTo(1));
        Assert.That(run.Messages().Single(), Does.StartWith($"--listen {Address}:9460").And.Contain("--insecure-metrics"));
    }

    [Test]
    public async Task A_key_that_is_missing_is_one_line_and_exit_code_1()
    {
        await using ReviewingApi api = await ReviewingApi.StartAsync();
        ProgramRun run = await AgentProgram.RunAsync(_node.Namespace, [.. RunWith(api), $"{Address}:9460", .. CertificateOptions]);
        Assert.That(run.Code, Is.EqualTo(1));
        Assert.That(run.Messages().Single(), Does.StartWith($"{_files.File("tls.crt")} cannot be read"));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task The_program_serves_over_TLS_whom_the_API_server_permits(bool ownCertificate)
    {
        Require.Program("curl");
        using var authority = new LabAuthority();
        using X509Certificate2 made = authority.ForServer(Address);
        _files.Write("tls.crt", made.ExportCertificatePem());
        _files.Write("tls.key", LabAuthority.KeyOf(made));
        string[] trust = ownCertificate ? ["--cacert", _files.Write("ca.crt", authority.Pem)] : ["--insecure"];
        _node.Namespace.Ip($"addr add {Address}/32 dev lo");
        await using ReviewingApi api = NamespaceThread.Run(_node.Namespace.Path, () => ReviewingApi.StartAsync().GetAwaiter().GetResult());
        await using ChildProcess agent = ChildProcess.Start(_node.Namespace, [.. AgentProgram.Command, .. RunWith(api),
            $"{Address}:9460,127.0.0.1:9460", .. ownCertificate ? CertificateOptions : []]);
        string Curl(string path, string token) => HostTool.RunToEnd(_node.Namespace.StartInfo([
            "curl", "--silent", "--include", "--max-time", "20", .. trust, "--header", $"Authorization: Bearer {token}",
            $"https://{Address}:9460{path}"])).Output;
        await Eventually.ThatAsync(() => Curl("/readyz", "").StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal), "it is ready");
        string metrics = Curl("/metrics", ReviewingApi.Reader);
        Assert.That(
            metrics, Does.StartWith("HTTP/1.1 200 ").And.Contain("hostagent_certificate_expiry_timestamp_seconds{use=\"serving\"} "));
        Assert.That(Curl("/metrics", ReviewingApi.Stranger), Does.StartWith("HTTP/1.1 403 "));
        Assert.That(Curl("/metrics", "made-up"), Does.StartWith("HTTP/1.1 401 "));
        Assert.That(Get("127.0.0.1", "/status"), Does.StartWith("HTTP/1.1 200 "));
        Assert.That(agent.Errors, Does.Contain($"Listening on https://{Address}:9460 for / /metrics"));
        agent.Terminate();
        Assert.That(await agent.WaitAsync(TimeSpan.FromSeconds(5)), Is.Zero);
    }

    [Test]
    public async Task A_port_that_is_not_permitted_is_one_line_and_exit_code_1()
    {
        Require.Program("setpriv", "util-linux");
        string[] without = ["setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service"];
        await using ChildProcess agent = ChildProcess.Start(
            _node.Namespace, [.. without, .. AgentProgram.Command, .. _run, "127.0.0.1:80"]);
        Assert.That(await agent.WaitAsync(TimeSpan.FromSeconds(20)), Is.EqualTo(1));
        Assert.That(agent.Errors.Split('\n').Single(line => !line.Contains("Z info: ", StringComparison.Ordinal)),
            Does.StartWith("cannot listen on 127.0.0.1:80: Permission denied").And.Contain("NET_BIND_SERVICE"));
    }

    [Test]
    public async Task Thousands_of_connections_take_no_more_descriptors_than_there_are_places()
    {
        const int Count = 2000;
        await using ChildProcess agent = ChildProcess.Start(_node.Namespace, [.. AgentProgram.Command, .. _run, "127.0.0.1:9460"]);
        await Eventually.ThatAsync(() => Get("127.0.0.1", "/readyz").StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal), "it is ready");
        int before = Descriptors(agent), most = 0;
        var held = new List<Socket>();
        try
        {
            for (int i = 0; i < Count; i++)
            {
                held.Add(Connect("127.0.0.1"));
                held[^1].Send("GET /livez HTTP/1.1\r\n"u8);
                if (i % 20 == 0) most = Math.Max(most, Descriptors(agent));
            }

            // What the runtime opens for itself meanwhile is a handful.
            Assert.That(most, Is.LessThanOrEqualTo(before + HostAgent.Observability.HttpEndpoint.MaxConnections + 32));
            Assert.That(Get("127.0.0.1", "/livez"), Does.StartWith("HTTP/1.1 200 "));
        }
        finally
        {
            held.ForEach(socket => socket.Dispose());
        }

        Assert.That(Get("127.0.0.1", "/readyz"), Does.StartWith("HTTP/1.1 200 "));
        agent.Terminate();
        Assert.That(await agent.WaitAsync(TimeSpan.FromSeconds(5)), Is.Zero);
    }

    private string[] CertificateOptions => ["--tls-certificate", _files.File("tls.crt"), "--tls-key", _files.File("tls.key")];

    private string[] RunWith(ReviewingApi api) =>
        [.. _run.Except(["--cluster-file", _files.File("cluster.yaml"), "--listen"]),
        "--kubeconfig", _files.Write("kubeconfig", api.Server.Kubeconfig), "--listen"];

    private static int Descriptors(ChildProcess process) => Directory.GetFiles($"/proc/{process.Id}/fd").Length;

    private Socket Connect(string address)
    {
        Socket socket = _node.Namespace.OpenSocket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.SendTimeout = socket.ReceiveTimeout = 10_000;
        socket.Connect(IPAddress.Parse(address), 9460);
        return socket;
    }

    /// <summary>The whole answer; empty when there is none.</summary>
    private string Get(string address, string path)
    {
        try
        {
            using Socket socket = Connect(address);
            socket.Send(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.0\r\n\r\n"));
            using var reader = new StreamReader(new NetworkStream(socket));
            return reader.ReadToEnd();
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return "";
        }
    }
}
