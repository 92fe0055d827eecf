using System.Net;
using System.Net.Sockets;
using System.Text;
using HostAgent.Accounts;
using HostAgent.Lab;
using HostAgent.Tests.Network;
using HostAgent.Tests.Tunnel;

namespace HostAgent.Tests.Applications;

/// <summary>
/// Real servers and clients in two pods, both mirrored, offload on: at the sensor tshark decodes, request by request, what the programs
/// exchanged, and each once.
/// </summary>
[TestFixture]
[Parallelizable]
internal sealed class ApplicationProtocolsTests
{
    private const int Requests = 12;

    private MirroredNode _node = null!;
    private PodNetwork _client = null!, _server = null!;
    private TemporaryDirectory _files = null!;

    private static IEnumerable<int> Numbers => Enumerable.Range(0, Requests);

    [OneTimeSetUp]
    public void Wire()
    {
        foreach (string program in (string[])["curl", "tshark", "openssl"]) Require.Program(program);
        _files = new TemporaryDirectory();
        _node = new MirroredNode();
        _client = _node.Node.AddRouted("client");
        _server = _node.Node.AddRouted("server");
        _node.Mirror(1, _client, _server);
    }

    [OneTimeTearDown]
    public void Remove()
    {
        _node.Dispose();
        _files.Dispose();
    }

    [Test]
    public async Task Http_1_1_requests_and_bodies()
    {
        await using ChildProcess nginx = await StartNginxAsync();
        SensorReading seen = await WatchAsync(() => Curl([.. Numbers.SelectMany(i => Fetch($"http://{_server.Ipv4}/body-{i}.bin"))]));
        Assert.That(seen.Lines("http.request", ["http.request.method", "http.request.uri"]),
            Is.EqualTo(Numbers.Select(i => $"GET\t/body-{i}.bin")));
        Assert.That(seen.Values("http.response", "http.response.code"), Is.EqualTo(Numbers.Select(_ => "200")));
        IReadOnlyDictionary<string, byte[]> bodies = seen.HttpBodies();
        Assert.That(bodies.Keys, Is.EquivalentTo(Numbers.Select(i => $"body-{i}.bin")));
        foreach (int i in Numbers) Assert.That(bodies[$"body-{i}.bin"].AsSpan().SequenceEqual(Body(i)), $"body-{i}.bin");
    }

    [Test]
    public async Task Http_2_streams_and_bodies()
    {
        string[] known = ["-d", "tcp.port==8080,http2"];
        await using ChildProcess nginx = await StartNginxAsync();
        SensorReading seen = await WatchAsync(() => FetchByHttp2($"http://{_server.Ipv4}:8080/"));
        Assert.That(seen.Values("http2.headers.path", "http2.headers.path", known), Is.EqualTo(Numbers.Select(i => $"/body-{i}.bin")));
        Assert.That(seen.Values("http2.headers.status", "http2.headers.status", known), Is.EqualTo(Numbers.Select(_ => "200")));
        // With the last frame of a stream tshark shows the body as a whole.
        IReadOnlyList<string> bodies = seen.Values("http2.data.data", "http2.data.data", known);
        Assert.That(Numbers.Where(i => !bodies.Contains(Convert.ToHexStringLower(Body(i)))), Is.Empty, "bodies that are not there");
    }

    [Test]
    public async Task Tls_handshakes_with_the_names_that_were_asked_for()
    {
        await using ChildProcess nginx = await StartNginxAsync();
        SensorReading seen = await WatchAsync(() =>
        {
            foreach (int i in Numbers)
            {
                string name = $"shop-{i}.example";
                Curl(["--insecure", "--resolve", $"{name}:443:{_server.Ipv4}", .. Fetch($"https://{name}/body-{i}.bin")]);
            }
        });
        Assert.That(seen.Values("tls.handshake.type == 1", "tls.handshake.extensions_server_name"),
            Is.EqualTo(Numbers.Select(i => $"shop-{i}.example")));
        Assert.That(seen.Values("tls.handshake.type == 2", "tls.handshake.extensions.supported_version"),
            Is.EqualTo(Numbers.Select(_ => "0x0304")), "TLS 1.3");
    }

    [Test]
    public async Task Dns_questions_and_answers()
    {
        Require.Program("dnsmasq", "dnsmasq-base");
        Require.Program("dig", "bind9-dnsutils");
        await using ChildProcess dnsmasq = await PodServer.StartAsync(_server, 53,
            ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root", "--pid-file=",
            .. Numbers.Select(i => $"--host-record=shop-{i}.example,192.0.2.{i}")]);
        SensorReading seen = await WatchAsync(() => _client.Namespace.Exec(
            ["dig", $"@{_server.Ipv4}", "+tries=1", .. Numbers.Select(i => $"shop-{i}.example")]));
        Assert.That(seen.Values("dns.flags.response == 0", "dns.qry.name"), Is.EqualTo(Numbers.Select(i => $"shop-{i}.example")));
        Assert.That(seen.Lines("dns.flags.response == 1", ["dns.qry.name", "dns.a"]),
            Is.EqualTo(Numbers.Select(i => $"shop-{i}.example\t192.0.2.{i}")));
    }

    [Test]
    public async Task Redis_commands_and_replies()
    {
        Require.Program("redis-server");
        Require.Program("redis-cli", "redis-tools");
        await using ChildProcess redis = await PodServer.StartAsync(_server, 6379,
            "redis-server", "--port", "6379", "--protected-mode", "no", "--save", "", "--dir", _files.Path);
        string[] redisCli = ["redis-cli", "-h", _server.Ipv4.ToString()];
        SensorReading seen = await WatchAsync(() =>
        {
            foreach (int i in Numbers) Talk("", [.. redisCli, "SET", $"key-{i}", Value(i)]);
            foreach (int i in Numbers) Assert.That(Talk("", [.. redisCli, "GET", $"key-{i}"]).TrimEnd(), Is.EqualTo(Value(i)));
        });
        Assert.That(seen.Values("resp && tcp.dstport == 6379", "resp.bulk_string.value").Select(Text), Is.EqualTo(
            Numbers.SelectMany(i => new[] { "SET", $"key-{i}", Value(i) }).Concat(Numbers.SelectMany(i => new[] { "GET", $"key-{i}" }))));
        Assert.That(seen.Values("resp.bulk_string && tcp.srcport == 6379", "resp.bulk_string.value").Select(Text),
            Is.EqualTo(Numbers.Select(Value)));

        // What does not fit into a segment this tshark does not put together.
        static string Value(int i) => new((char)('a' + i), 1 + (i * 100));
    }

    [Test]
    public async Task Ldap_searches_on_the_port_of_the_Log4j_story()
    {
        const ushort Port = 1389;
        Require.Program("slapd");
        Require.Program("ldapsearch", "ldap-utils");
        Directory.CreateDirectory(_files.File("ldap"));
        string configuration = _files.Write("slapd.conf", $"""
            include /etc/ldap/schema/core.schema
            modulepath /usr/lib/ldap
            moduleload back_mdb
            pidfile {_files.File("slapd.pid")}
            database mdb
            suffix "dc=shop,dc=example"
            rootdn "cn=admin,dc=shop,dc=example"
            rootpw secret
            directory {_files.File("ldap")}

            """);
        string url = $"ldap://{_server.Ipv4}:{Port}";
        await using ChildProcess slapd = await PodServer.StartAsync(_server, Port, "slapd", "-d", "0", "-h", url, "-f", configuration);
        string[] bind = ["-x", "-H", url, "-D", "cn=admin,dc=shop,dc=example", "-w", "secret"];
        string entries = "dn: dc=shop,dc=example\nobjectClass: dcObject\nobjectClass: organization\no: shop\ndc: shop\n\n"
            + string.Concat(Numbers.Select(i => $"dn: {Name(i)}\nobjectClass: organizationalRole\ncn: exploit-{i}\n\n"));
        Talk(entries, ["ldapadd", .. bind]);

        SensorReading seen = await WatchAsync(() =>
        {
            foreach (int i in Numbers) Talk("", ["ldapsearch", .. bind, "-b", Name(i), "-s", "base"]);
        });
        string[] known = ["-d", $"tcp.port=={Port},ldap"];
        Assert.That(seen.Values("ldap.searchRequest_element", "ldap.baseObject", known), Is.EqualTo(Numbers.Select(Name)));
        Assert.That(seen.Values("ldap.searchResEntry_element", "ldap.objectName", known), Is.EqualTo(Numbers.Select(Name)));

        static string Name(int i) => $"cn=exploit-{i},dc=shop,dc=example";
    }

    [Test]
    public async Task Amqp_messages_to_a_queue_and_from_it()
    {
        Require.Program("rabbitmq-server");
        Require.Program("amqp-publish", "amqp-tools");
        await using ChildProcess names = await PodServer.StartAsync(_server, 4369, "epmd");
        await using ChildProcess rabbit = await PodServer.StartAsync(_server, 5672,
            // The broker is not the process that its script is: both end with the namespace of their pids.
            ["unshare", "--pid", "--fork", "--kill-child", "env", $"HOME={_files.Path}", "RABBITMQ_NODENAME=rabbit@localhost",
            $"RABBITMQ_MNESIA_BASE={_files.File("mnesia")}",
            $"RABBITMQ_LOG_BASE={_files.Path}", $"RABBITMQ_PID_FILE={_files.File("rabbit.pid")}", "RABBITMQ_PLUGINS=",
            $"RABBITMQ_CONFIG_FILE={_files.Write("rabbit.conf", "loopback_users = none\nlisteners.tcp.1 = 0.0.0.0:5672\n")}",
            "RABBITMQ_ENABLED_PLUGINS_FILE=/dev/null", "/usr/lib/rabbitmq/bin/rabbitmq-server"]);
        string[] url = ["--url", $"amqp://guest:guest@{_server.Ipv4}"];
        SensorReading seen = await WatchAsync(() =>
        {
            Talk("", ["amqp-declare-queue", .. url, "-q", "orders"]);
            foreach (int i in Numbers) Talk("", ["amqp-publish", .. url, "-r", "orders", "-b", $"order {i}"]);
            foreach (int i in Numbers) Assert.That(Talk("", ["amqp-get", .. url, "-q", "orders"]), Is.EqualTo($"order {i}"));
        });
        // Class and method: Basic.Publish, then Basic.GetOk.
        Assert.That(seen.Values("amqp.method.method == 40 && amqp.payload", "amqp.method.arguments.routing_key"),
            Is.EqualTo(Numbers.Select(_ => "orders")));
        Assert.That(seen.Values("amqp.payload && tcp.dstport == 5672", "amqp.payload").Select(Text),
            Is.EqualTo(Numbers.Select(i => $"order {i}")));
        Assert.That(seen.Values("amqp.payload && tcp.srcport == 5672", "amqp.payload").Select(Text),
            Is.EqualTo(Numbers.Select(i => $"order {i}")));
    }

    [Test]
    public async Task Kafka_requests_with_their_answers()
    {
        string[] topics = [.. Numbers.Select(i => $"topic-{i}")];
        SensorReading seen = await WatchAsync(() => KafkaTalk.RunAsync(_client, _server, topics).GetAwaiter().GetResult());
        Assert.That(seen.Lines($"kafka && tcp.dstport == {KafkaTalk.Port}", ["kafka.api_key", "kafka.correlation_id", "kafka.client_id"]),
            Is.EqualTo(Enumerable.Range(0, 1 + Requests).Select(i =>
                $"{(i == 0 ? KafkaTalk.ApiVersions : KafkaTalk.Metadata)}\t{i}\t{KafkaTalk.Client}")));
        Assert.That(seen.Values($"kafka && tcp.srcport == {KafkaTalk.Port}", "kafka.topic_name"), Is.EqualTo(topics));
    }

    /// <summary>What the sensor has of it; nothing was lost on the way.</summary>
    private async Task<SensorReading> WatchAsync(Action talk)
    {
        LedgerSnapshot before = await _node.SettledAsync();
        await using LinkCapture sensor = await _node.SniffAsync();
        await Task.Run(talk);
        LedgerSnapshot after = await _node.SettledAsync(before.Seen + Requests);
        Assert.That(after.Delivered - before.Delivered + after.Lost(LossReason.Duplicate) - before.Lost(LossReason.Duplicate),
            Is.EqualTo(after.Seen - before.Seen));
        await sensor.StopAsync();
        string kept = _files.File($"{TestContext.CurrentContext.Test.Name}.pcap");
        File.Copy(sensor.File, kept);
        return new SensorReading(kept);
    }

    private async Task<ChildProcess> StartNginxAsync()
    {
        Require.Program("nginx", "nginx-light");
        string www = Directory.CreateDirectory(_files.File("www")).FullName;
        foreach (int i in Numbers) File.WriteAllBytes(Path.Combine(www, $"body-{i}.bin"), Body(i));
        HostTool.Run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=shop.example", "-keyout", _files.File("tls.key"), "-out", _files.File("tls.crt"));
        string configuration = _files.Write("nginx.conf", $$"""
            daemon off;
            master_process off;
            user root;
            pid {{_files.File("nginx.pid")}};
            error_log stderr;
            events {
            }
            http {
                access_log off;
                root {{www}};
                client_body_temp_path {{_files.Path}};
                proxy_temp_path {{_files.Path}};
                fastcgi_temp_path {{_files.Path}};
                uwsgi_temp_path {{_files.Path}};
                scgi_temp_path {{_files.Path}};
                ssl_certificate {{_files.File("tls.crt")}};
                ssl_certificate_key {{_files.File("tls.key")}};
                ssl_protocols TLSv1.3;
                server {
                    listen 80;
                    listen 443 ssl;
                }
                server {
                    listen 8080 http2;
                }
            }

            """);
        return await PodServer.StartAsync(_server, 8080, "nginx", "-c", configuration, "-e", "stderr");
    }

    /// <summary>Up to several super-frames.</summary>
    private static byte[] Body(int number)
    {
        byte[] body = new byte[1 + (number * number * 2000)];
        new Random(number).NextBytes(body);
        return body;
    }

    private static string[] Fetch(string url) => ["--output", "/dev/null", url];

    private void Curl(string[] arguments) => _client.Namespace.Exec(["curl", "--silent", "--show-error", "--fail", .. arguments]);

    /// <summary>Runs a client in the pod to its end, and gives what it printed.</summary>
    private string Talk(string input, params string[] command)
    {
        ProgramRun run = HostTool.RunToEnd(_client.Namespace.StartInfo(command), input, TimeSpan.FromSeconds(30));
        Assert.That(run.Code, Is.Zero, $"{command[0]}: {run.Errors}");
        return run.Output;
    }

    /// <summary>One after the other over one connection.</summary>
    private void FetchByHttp2(string from)
    {
        using var http = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (to, cancellation) =>
            {
                Socket socket = _client.OpenSocket(_server.Ipv4, SocketType.Stream);
                await socket.ConnectAsync(_server.Ipv4, to.DnsEndPoint.Port, cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        })
        {
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        foreach (int i in Numbers)
            Assert.That(http.GetByteArrayAsync($"{from}body-{i}.bin").GetAwaiter().GetResult(), Has.Length.EqualTo(Body(i).Length));
    }

    private static string Text(string hex) => Encoding.ASCII.GetString(Convert.FromHexString(hex));
}
