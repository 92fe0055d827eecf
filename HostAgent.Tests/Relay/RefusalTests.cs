using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using HostAgent.Lab;
using HostAgent.Tests.Network;
using HostAgent.Tests.Tunnel;
using HostAgent.Tunnel;

namespace HostAgent.Tests.Relay;

/// <summary>Who is not who it has to be is refused, and both ends say why.</summary>
[TestFixture]
[Parallelizable]
internal sealed class RefusalTests
{
    private readonly RelayFiles _files = new();

    [OneTimeTearDown]
    public void Remove() => _files.Dispose();

    [Test]
    public async Task Both_ends_say_who_refuses_whom_and_take_over_renewed_files()
    {
        using NodeNetwork node = TestNode.Create();
        PodNetwork api = node.AddRouted("api");
        _files.WriteReceiver(_files.Stranger.ForServer(RelayFiles.ServerName));
        await using Receiver receiver = await Receiver.StartAsync(node, _files, "--to-file", "/dev/null");
        await using var agent = new AgentOnNode(node, _files.Sensor(NodeNetwork.WorldAddress), ("shop", api));

        const string Foreign = "is not of the authority that is asked for", Expired = "expired at";
        await RefusedAsync($"is not trusted: its certificate CN=kube-apiserver {Foreign}", _files.Policy.Authority);
        await receiver.SaysAsync($"does not accept this receiver: its certificate CN=kube-apiserver {Foreign}");

        _files.WriteReceiver(_files.Stranger.ForNamelessServer(RelayFiles.ServerName));
        await RefusedAsync($"is not trusted: its certificate DNS:relay.test {Foreign}", _files.Policy.Authority);

        _files.WriteReceiver(_files.Authority.Expired(RelayFiles.ServerName));
        await RefusedAsync($"is not trusted: its certificate CN=kube-apiserver {Expired}", "renew it");
        await receiver.SaysAsync($"does not accept this receiver: its certificate CN=kube-apiserver {Expired}");

        _files.WriteReceiver(_files.Authority.ForServer("other.test"));
        await RefusedAsync("does not bear the name relay.test", "serverName");
        await receiver.SaysAsync("does not bear the name relay.test");

        _files.WriteReceiver(_files.Authority.ForServer(RelayFiles.ServerName));
        _files.WriteAgent(_files.Stranger.ForClient("mallory"));
        await RefusedAsync($"refuses this agent: its certificate CN=mallory {Foreign}", _files.Policy.Certificate);
        await receiver.SaysAsync($"is refused: its certificate CN=mallory {Foreign}");

        _files.WriteAgent(_files.Authority.ExpiredClient("late"));
        await RefusedAsync($"refuses this agent: its certificate CN=late {Expired}", _files.Policy.Certificate);
        await receiver.SaysAsync($"is refused: its certificate CN=late {Expired}");

        // A server's certificate is none for an agent.
        _files.WriteAgent(_files.Authority.ForServer(RelayFiles.ServerName));
        await RefusedAsync("refuses this agent", "NotValidForUsage");

        _files.WriteAgent(_files.Authority.ForClient("agent"));
        await agent.UntilAsync("a ready sensor", reading => reading.Status.Sensor.State == "ready");
        await receiver.SaysAsync("Agent CN=agent at");

        Task RefusedAsync(params string[] words) => agent.UntilAsync(
            string.Join(" … ", words),
            reading => reading.Status.Sensor is { State: "connecting", Reason: { } reason }
                && words.All(word => reason.Contains(word, StringComparison.Ordinal)));
    }

    [Test]
    public async Task A_client_without_a_certificate_is_told_so_and_gets_no_further()
    {
        Require.Program("openssl");
        using NodeNetwork node = TestNode.Create();
        using var files = new RelayFiles();
        await using Receiver receiver = await Receiver.StartAsync(node, files, "--to-file", "/dev/null");
        ProgramRun client = HostTool.RunToEnd(node.Namespace.StartInfo(
            "openssl", "s_client", "-connect", $"{NodeNetwork.WorldAddress}:{Receiver.Port}", "-CAfile", files.Policy.Authority,
            "-verify_hostname", RelayFiles.ServerName, "-verify_return_error", "-quiet"), patience: TimeSpan.FromSeconds(30));
        Assert.That(client.Output, Does.Contain("host-agent/1 refused: it shows no certificate"), client.Errors);
        string asked = files.File("receiver/ca.crt");
        await receiver.SaysAsync($"is refused: it shows no certificate; have one issued by the authority in {asked}");

        ProgramRun old = HostTool.RunToEnd(
            node.Namespace.StartInfo("openssl", "s_client", "-connect", $"{NodeNetwork.WorldAddress}:{Receiver.Port}", "-tls1_2"),
            patience: TimeSpan.FromSeconds(30));
        Assert.That(old.Code, Is.Not.Zero, "TLS 1.2 is not spoken");
        await receiver.SaysAsync("does not act as an agent");
    }

    [Test]
    public async Task Strangers_keep_nobody_out_and_what_is_no_stream_ends_its_connection()
    {
        using NodeNetwork node = TestNode.Create();
        using var files = new RelayFiles();
        await using Receiver receiver = await Receiver.StartAsync(node, files, "--to-file", files.File("all.pcapng"));
        Socket[] silent = [.. Enumerable.Range(0, 50).Select(_ => Connected(node))];
        await using (HandMadeAgent agent = await HandMadeAgent.GreetAsync(Connected(node), files))
        {
            await agent.SayAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray());
            await receiver.SaysAsync("no agent's stream: it does not begin with a section header");
            await agent.IsEndedAsync();
        }

        await receiver.SaysAsync("connected, and did not say who it is within 10 s");
        foreach (Socket socket in silent)
        {
            // A connection that was closed at the other end.
            socket.ReceiveTimeout = 10_000;
            Assert.That(socket.Receive(new byte[1]), Is.Zero);
            socket.Dispose();
        }
    }

    [Test]
    public void Files_that_cannot_be_used_leave_those_before_in_use_with_a_warning()
    {
        using var files = new RelayFiles();
        var read = new TlsFiles(files.Policy.Authority, files.Policy.Certificate, files.Policy.Key);
        X509Certificate2 first = read.Read().Shown.TargetCertificate;
        Assert.That(read.Read().Shown.TargetCertificate, Is.SameAs(first));
        string key = File.ReadAllText(files.Policy.Key);

        files.WriteAgent(files.Authority.ForClient("renewed"));
        string renewed = File.ReadAllText(files.Policy.Key);
        files.Write("agent/tls.key", key);
        Assert.That(read.Read().Shown.TargetCertificate, Is.SameAs(first), "the key of another certificate");
        Assert.That(read.Warning, Does.Contain(files.Policy.Key).And.Contain("stay in use"));
        File.Delete(files.Policy.Key);
        Assert.That(read.Read().Shown.TargetCertificate, Is.SameAs(first));
        Assert.That(read.Warning, Does.StartWith($"{files.Policy.Key} cannot be read"));
        files.Write("agent/tls.key", renewed);
        Assert.That(read.Read().Shown.TargetCertificate.Subject, Is.EqualTo("CN=renewed"));
        Assert.That(read.Warning, Is.Null);
    }

    [Test]
    public void Files_that_never_could_be_used_are_an_error_that_names_the_file()
    {
        using var files = new RelayFiles();
        files.Write("agent/ca.crt", "no certificate");
        var read = new TlsFiles(files.Policy.Authority, files.Policy.Certificate, files.Policy.Key);
        Assert.That(read.Read, Throws.TypeOf<TlsException>().With.Message.StartsWith($"{files.Policy.Authority} holds no"));
    }

    private static Socket Connected(NodeNetwork node)
    {
        Socket socket = node.Namespace.OpenSocket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(NodeNetwork.WorldAddress, Receiver.Port);
        return socket;
    }
}
