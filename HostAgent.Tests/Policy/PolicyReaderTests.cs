using System.Net;
using System.Text;
using HostAgent.Policy;

namespace HostAgent.Tests.Policy;

internal sealed class PolicyReaderTests
{
    private const string OffHost =
        "{tls: {ca: /tls/ca.crt, certificate: /tls/tls.crt, key: /tls/tls.key, serverName: relay.security.svc}}";

    [Test]
    public void The_documented_policy_is_read_whole()
    {
        PolicyResult result = Read(PolicyText.Complete);
        Assert.That(result.Errors, Is.Empty);
        MirrorPolicy policy = result.Policy!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(policy.Revision, Does.Match("^[0-9a-f]{12}$"));
            Assert.That(policy.Sensor.Selector!.Requirements.Single(),
                Is.EqualTo(new LabelRequirement("run", LabelOperator.In, ["sensor"])).Using<LabelRequirement>(Same));
            Assert.That(policy.Sensor.Namespaces, Is.EqualTo(new[] { "security" }));
            Assert.That(policy.Sensor.Address, Is.Null);
            Assert.That(policy.Sensor.Port, Is.EqualTo(4789));
            Assert.That(policy.Sensor.Reads, Is.EqualTo(SensorReads.Sniff));
            Assert.That(policy.Sensor.Segments, Is.EqualTo(SegmentLimit.Wire));
            Assert.That((policy.Sensor.FirstSourcePort, policy.Sensor.SourcePortCount), Is.EqualTo((49152, 16)));
            Assert.That(policy.Rules.Select(r => (r.Name, r.Vni)), Is.EqualTo(new[] { ("payments", 100u), ("rest", 1u) }));
            Assert.That(policy.Rules[0].PodSelector.Requirements.Single().Values, Is.EqualTo(new[] { "api", "db" }));
            Assert.That(policy.Rules[1].NamespaceSelector.Requirements.Select(r => r.Operator),
                Is.EqualTo(new[] { LabelOperator.NotIn, LabelOperator.DoesNotExist }));
            Assert.That(policy.Rules[1].PodSelector.Requirements, Is.Empty);
        }
    }

    [Test]
    public void The_revision_is_the_files_sha256() =>
        Assert.That(Read(PolicyText.With()).Policy!.Revision,
            Is.EqualTo(
                Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(PolicyText.With())))[..12]));

    [Test]
    public void Every_error_is_reported_at_once_with_its_line_and_path()
    {
        const string bad = """
            apiVersion: hostagent/v2
            kind: MirorPolicy
            sensor:
              selector: {matchLabels: {run: sensor}}
              address: 127.0.0.1
              port: 70000
              sourcePorts: {first: 65530, count: 16}
            vni: 16777216
            rules:
            - name: payments
              namespaceSelector:
                matchExpresions: []
            - name: payments
              namespaceSelector:
                matchLabels: {mirror: true}
                matchExpressions:
                - {key: app, operator: In}
                - {key: app, operator: Exists, values: [a]}
                - {key: -app-, operator: in, values: [a b]}
            - namespaceSelector: []
              vni: -1
            """;
        Assert.That(Read(bad).Errors.Select(e => e.In("policy.yaml")), Is.EqualTo(new[]
        {
            "policy.yaml:1: apiVersion: must be hostagent/v1, is \"hostagent/v2\"; did you mean hostagent/v1?",
            "policy.yaml:2: kind: must be MirrorPolicy, is \"MirorPolicy\"; did you mean MirrorPolicy?",
            "policy.yaml:4: sensor.namespaces: is missing; name the namespaces whose pods may be sensors, or any tenant could label one",
            "policy.yaml:5: sensor.address: give either selector or address, not both",
            "policy.yaml:6: sensor.port: must be a number from 1 to 65535 in decimal digits without quotes, is \"70000\"",
            "policy.yaml:7: sensor.sourcePorts: the last port would be 65545; first + count - 1 is at most 65535",
            "policy.yaml:8: vni: must be a number from 0 to 16777215 in decimal digits without quotes, is \"16777216\"",
            "policy.yaml:12: rules[0].namespaceSelector.matchExpresions: unknown key; did you mean matchExpressions?",
            "policy.yaml:13: rules[1].name: \"payments\" is the name of the rule on line 10 too; names are unique",
            "policy.yaml:15: rules[1].namespaceSelector.matchLabels.mirror: must be text (\"true\", in quotes), is a number or boolean",
            "policy.yaml:17: rules[1].namespaceSelector.matchExpressions[0]: In needs at least one entry in values",
            "policy.yaml:18: rules[1].namespaceSelector.matchExpressions[1].values: "
                + "Exists takes no values; remove them, or use In or NotIn",
            $"policy.yaml:19: rules[1].namespaceSelector.matchExpressions[2].key: \"-app-\" is no label key; {LabelSyntax.KeyRule}",
            "policy.yaml:19: rules[1].namespaceSelector.matchExpressions[2].operator: "
                + "must be In or NotIn or Exists or DoesNotExist, is \"in\"; did you mean In?",
            $"policy.yaml:19: rules[1].namespaceSelector.matchExpressions[2].values[0]: \"a b\" is no label value; {LabelSyntax.ValueRule}",
            "policy.yaml:20: rules[2].name: is missing; status and logs name the rule",
            "policy.yaml:20: rules[2].namespaceSelector: must be a mapping with matchLabels, matchExpressions, is a list",
            "policy.yaml:21: rules[2].vni: must be a number from 0 to 16777215 in decimal digits without quotes, is \"-1\"",
        }));
    }

    [TestCase("port: 0", "sensor.port")]
    [TestCase("port: \"4789\"", "sensor.port")]
    [TestCase("port: 04789", "sensor.port")]
    [TestCase("port: [4789]", "sensor.port")]
    [TestCase("reads: tap", "sensor.reads")]
    [TestCase("reads:", "sensor.reads")]
    [TestCase("format: pcap", "sensor.format")]
    [TestCase("encapsulation: none", "sensor.encapsulation")]
    [TestCase("adress: 127.0.0.1", "sensor.adress")]
    [TestCase("namespaces: [security]", "sensor.namespaces")]
    [TestCase("segments: [link]", "sensor.segments")]
    [TestCase("segments: \"9000\"", "sensor.segments")]
    [TestCase("segments:", "sensor.segments")]
    [TestCase("canary: on", "sensor.canary")]
    [TestCase("canary: \"true\"", "sensor.canary")]
    [TestCase("canary: [true]", "sensor.canary")]
    [TestCase("canary:", "sensor.canary")]
    [TestCase("sourcePorts: {first: 0}", "sensor.sourcePorts.first")]
    [TestCase("sourcePorts: {count: 0}", "sensor.sourcePorts.count")]
    [TestCase("sourcePorts: {last: 5}", "sensor.sourcePorts.last")]
    [TestCase("address: 127.0.0.2", "sensor.address")]
    public void A_bad_sensor_field_is_named(string line, string path)
    {
        PolicyError error = Read(PolicyText.With(sensor: $"address: 127.0.0.1\n  {line}")).Errors.Single();
        Assert.That((error.Line, error.Path), Is.EqualTo((6, path)));
    }

    [TestCase("", null)]
    [TestCase("\n  canary: false", null)]
    [TestCase("\n  canary: true", 1L)]
    public void Canaries_are_sent_in_the_policys_VNI_when_it_asks_for_them(string lines, long? vni) =>
        Assert.That(Read(PolicyText.With(sensor: $"address: 127.0.0.1{lines}")).Policy!.CanaryVni, Is.EqualTo(vni));

    [Test]
    public void Without_a_VNI_of_the_policy_canaries_have_the_first_rules() => Assert.That(
        Read("""
            apiVersion: hostagent/v1
            kind: MirrorPolicy
            sensor: {address: 127.0.0.1, canary: true}
            rules:
            - {name: one, namespaceSelector: {matchLabels: {a: b}}, vni: 7}
            - {name: two, namespaceSelector: {}, vni: 8}
            """).Policy!.CanaryVni, Is.EqualTo(7));

    [TestCase("canary: perhaps", "sensor.canary: must be true or false without quotes, is \"perhaps\"")]
    public void A_word_that_is_neither_true_nor_false_is_refused_with_its_line(string line, string said) => Assert.That(
        Read(PolicyText.With(sensor: $"address: 127.0.0.1\n  {line}")).Errors.Single().In("p"), Is.EqualTo($"p:6: {said}"));

    [TestCase("reads: stream", StreamFormat.Pcap, StreamEncapsulation.None, 57012)]
    [TestCase("reads: stream\n  format: pcapng", StreamFormat.Pcapng, StreamEncapsulation.None, 57012)]
    [TestCase("reads: stream\n  format: pcap\n  encapsulation: vxlan", StreamFormat.Pcap, StreamEncapsulation.Vxlan, 57012)]
    [TestCase("reads: stream\n  port: 4789", StreamFormat.Pcap, StreamEncapsulation.None, 4789)]
    public void A_stream_has_a_format_and_a_port_of_its_own(string lines, StreamFormat format, StreamEncapsulation around, int port)
    {
        SensorPolicy sensor = Read(PolicyText.With(sensor: $"address: 127.0.0.1\n  {lines}")).Policy!.Sensor;
        Assert.That((sensor.Reads, sensor.Format, sensor.Encapsulation, sensor.Port),
            Is.EqualTo((SensorReads.Stream, format, around, (ushort)port)));
    }

    [TestCase("format: pcap-ng", "sensor.format")]
    [TestCase("encapsulation: gre", "sensor.encapsulation")]
    public void A_bad_field_of_a_stream_is_named(string line, string path)
    {
        PolicyError error = Read(PolicyText.With(sensor: $"address: 127.0.0.1\n  reads: stream\n  {line}")).Errors.Single();
        Assert.That((error.Line, error.Path), Is.EqualTo((7, path)));
    }

    [Test]
    public void Another_host_is_permitted_with_encryption_only()
    {
        SensorPolicy sensor = Read(PolicyText.With(sensor: $"address: 203.0.113.9\n  reads: stream\n  offHost: {OffHost}")).Policy!.Sensor;
        Assert.That(sensor.OffHost, Is.EqualTo(new OffHostTls("/tls/ca.crt", "/tls/tls.crt", "/tls/tls.key", "relay.security.svc")));
        Assert.That((sensor.Format, sensor.Encapsulation), Is.EqualTo((StreamFormat.Pcapng, StreamEncapsulation.None)));
    }

    [TestCase("reads: sniff", OffHost, "sensor.offHost", "goes with reads: stream")]
    [TestCase("reads: socket", OffHost, "sensor.offHost", "goes with reads: stream")]
    [TestCase("{reads: stream, format: pcap}", OffHost, "sensor.format", "must be pcapng with offHost")]
    [TestCase("{reads: stream, encapsulation: vxlan}", OffHost, "sensor.encapsulation", "must be none with offHost")]
    [TestCase("reads: stream", "{}", "sensor.offHost.tls", "encrypted or not at all")]
    [TestCase("reads: stream", "true", "sensor.offHost", "must be a mapping")]
    [TestCase("reads: stream", "{tls: {ca: ca.crt, certificate: /c, key: /k, serverName: n}}", "sensor.offHost.tls.ca", "from / on")]
    [TestCase("reads: stream", "{tls: {certificate: /c, key: /k, serverName: n}}", "sensor.offHost.tls.ca", "is missing")]
    [TestCase("reads: stream", "{tls: {ca: /a, key: /k, serverName: n}}", "sensor.offHost.tls.certificate", "is missing")]
    [TestCase("reads: stream", "{tls: {ca: /a, certificate: /c, serverName: n}}", "sensor.offHost.tls.key", "is missing")]
    [TestCase("reads: stream", "{tls: {ca: /a, certificate: /c, key: /k}}", "sensor.offHost.tls.serverName", "is missing")]
    [TestCase("reads: stream", "{tls: {ca: /a, certificate: /c, key: /k, serverName: 'a b'}}", "sensor.offHost.tls.serverName", "DNS name")]
    [TestCase("reads: stream", "{tls: {ca: /a, certificate: /c, key: /k, serverName: n, any: 1}}", "sensor.offHost.tls.any", "key")]
    public void A_bad_permission_for_another_host_is_named(string further, string offHost, string path, string says)
    {
        string lines = further.Trim('{', '}').Replace(", ", "\n  ", StringComparison.Ordinal);
        PolicyError error = Read(PolicyText.With(sensor: $"address: 203.0.113.9\n  {lines}\n  offHost: {offHost}")).Errors.Single();
        Assert.That(error.Path, Is.EqualTo(path));
        Assert.That(error.Line, Is.GreaterThan(5));
        Assert.That(error.Message, Does.Contain(says));
    }

    [TestCase("wire", 0)]
    [TestCase("\"link\"", int.MaxValue)]
    [TestCase("576", 576)]
    [TestCase("9000", 9000)]
    [TestCase("65499", 65_499)]
    public void Segments_are_as_on_the_wire_as_the_link_takes_or_a_number(string text, int bytes) =>
        Assert.That(Read(PolicyText.With(sensor: $"address: 127.0.0.1\n  segments: {text}")).Policy?.Sensor.Segments,
            Is.EqualTo(new SegmentLimit(bytes)));

    [TestCase("575")]
    [TestCase("65500")]
    [TestCase("-1")]
    [TestCase("9000.0")]
    [TestCase("09000")]
    [TestCase("9KiB")]
    [TestCase("Link")]
    [TestCase("99999999999")]
    public void Other_segments_are_one_error_that_says_what_is_allowed(string text)
    {
        PolicyError error = Read(PolicyText.With(sensor: $"address: 127.0.0.1\n  segments: {text}")).Errors.Single();
        Assert.That(error.In("policy.yaml"), Is.EqualTo("policy.yaml:6: sensor.segments: must be wire, link or a number from 576 to 65499 "
            + $"(bytes) in decimal digits without quotes, is \"{text}\""));
    }

    [TestCase("1")]
    [TestCase("127.1")]
    [TestCase("0x7f.0.0.1")]
    [TestCase("127.0.0.1:4789")]
    [TestCase("\"[::1]\"")]
    [TestCase("fe80::1%lo")]
    [TestCase("0.0.0.0")]
    [TestCase("224.0.0.1")]
    [TestCase("255.255.255.255")]
    [TestCase("\"::\"")]
    [TestCase("ff02::1")]
    [TestCase("sensor.example.com")]
    [TestCase("10.0.0.1/32")]
    public void What_is_no_unicast_address_is_refused(string address)
    {
        PolicyError error = Read(PolicyText.With(sensor: $"address: {address}")).Errors.Single();
        Assert.That((error.Line, error.Path), Is.EqualTo((5, "sensor.address")));
    }

    [TestCase("10.0.0.9", "10.0.0.9")]
    [TestCase("\"::1\"", "::1")]
    [TestCase("fd00:0:0::9", "fd00::9")]
    [TestCase("\"::ffff:10.0.0.9\"", "10.0.0.9")]
    public void Unicast_addresses_are_read(string written, string address) =>
        Assert.That(Read(PolicyText.With(sensor: $"address: {written}")).Policy!.Sensor.Address, Is.EqualTo(IPAddress.Parse(address)));

    [Test]
    public void A_rule_inherits_what_it_does_not_say_itself()
    {
        MirrorPolicy policy = Read("""
            apiVersion: hostagent/v1
            kind: MirrorPolicy
            sensor: {address: 127.0.0.1}
            vni: 1
            defaults: {sample: 1/8, priority: low, slice: 64KiB, rate: 200Mbit}
            rules:
            - {name: a, namespaceSelector: {}, podSelector: {matchLabels: {app: a}}, sample: 1/1, slice: all}
            - name: b
              namespaceSelector: {}
              podSelector: {matchLabels: {app: b}}
              priority: high
              slice: 3000
              rate: unlimited
            - {name: c, namespaceSelector: {}}
            """).Policy!;
        Assert.That(policy.Rules.Select(rule => rule.Traffic), Is.EqualTo([
            new RuleTraffic(SampleShare.Whole, MirrorPriority.Low) { Rate = new(200_000_000, false) },
            new RuleTraffic(new SampleShare(1, 8), MirrorPriority.High) { Slice = 3000 },
            new RuleTraffic(new SampleShare(1, 8), MirrorPriority.Low) { Slice = 65_536, Rate = new(200_000_000, false) },
        ]));
        Assert.That(Read(PolicyText.With()).Policy!.Rules.Single().Traffic, Is.EqualTo(RuleTraffic.All));
    }

    [Test]
    public void Expressions_are_inherited_compiled_once_and_equal_in_the_next_reading()
    {
        string text = """
            apiVersion: hostagent/v1
            kind: MirrorPolicy
            sensor: {address: 127.0.0.1}
            vni: 1
            defaults: {filter: tcp port 443 or udp port 53, always: "udp port 53 or icmp"}
            rules:
            - {name: a, namespaceSelector: {}, podSelector: {matchLabels: {app: a}}, filter: "host fd00::1 or tcp[13] & 2 != 0"}
            - {name: b, namespaceSelector: {}, podSelector: {matchLabels: {app: b}}, filter: udp port 53 or icmp}
            - {name: c, namespaceSelector: {}}
            """;
        RuleTraffic[] traffic = [.. Read(text).Policy!.Rules.Select(rule => rule.Traffic)];
        Assert.That(traffic.Select(rule => (rule.Filter?.Expression, rule.Always?.Expression)), Is.EqualTo(new[]
        {
            ("host fd00::1 or tcp[13] & 2 != 0", "udp port 53 or icmp"), ("udp port 53 or icmp", "udp port 53 or icmp"),
            ("tcp port 443 or udp port 53", "udp port 53 or icmp"),
        }));
        Assert.That(traffic[1].Filter, Is.SameAs(traffic[2].Always));
        Assert.That(Read(text).Policy!.Rules.Select(rule => rule.Traffic), Is.EqualTo(traffic));
        Assert.That(traffic[0], Is.Not.EqualTo(traffic[1]));
    }

    [TestCase("filter: tcp port", "\"tcp port\" is not understood: can't parse filter expression: syntax error (libpcap;")]
    [TestCase("filter: port nosuchservice", "unknown port 'nosuchservice'")]
    [TestCase("filter: host payments.example", "has the name 'payments.example', and names are not looked up")]
    [TestCase("always: host payments.example", "has the name 'payments.example', and names are not looked up")]
    [TestCase("filter: ''", "is empty; leave it out")]
    [TestCase("always: ' '", "is empty; leave it out")]
    [TestCase("filter: inbound", "makes a program that cannot be used here")]
    [TestCase("filter: \"tcp\\0 or udp\"", "has a character that no expression has")]
    [TestCase("filter: tcp port ＸＹ", "has a character that no expression has")]
    [TestCase("always: [tcp]", "must be text")]
    [TestCase("filter: 80", "must be text")]
    [TestCase("sample: 1/0", "is no share of the flows; write such as 1/8, from 1/65536 to 1/1")]
    [TestCase("sample: 0/8", "is no share")]
    [TestCase("sample: 9/8", "is no share")]
    [TestCase("sample: 1/65537", "is no share")]
    [TestCase("sample: 1/ 8", "is no share")]
    [TestCase("sample: -1/8", "is no share")]
    [TestCase("sample: /8", "is no share")]
    [TestCase("sample: 0.125", "\"0.125\" is no share")]
    [TestCase("sample: 8", "\"8\" is no share")]
    [TestCase("sample: [1, 8]", "must be a share of the flows, such as 1/8, from 1/65536 to 1/1, is a list")]
    [TestCase("slice: 64 parsecs", "must be a size such as 64KiB (B, KiB, MiB, GiB; bytes without a unit), from 1B to 1024GiB, or all")]
    [TestCase("slice: 0", "must be a size")]
    [TestCase("slice: 0KiB", "must be a size")]
    [TestCase("slice: 10kB", "must be a size")]
    [TestCase("slice: 64 KiB", "must be a size")]
    [TestCase("slice: -1", "must be a size")]
    [TestCase("slice: 1.5MiB", "must be a size")]
    [TestCase("slice: KiB", "must be a size")]
    [TestCase("slice: 1025GiB", "must be a size")]
    [TestCase("slice: 99999999999999999999", "must be a size")]
    [TestCase("slice: {}", "must be a size")]
    [TestCase("rate: 0Mbit", "\"0Mbit\" is no rate; write such as 200Mbit or 50kpps (kbit, Mbit, Gbit, pps, kpps, Mpps; above 0, at most")]
    [TestCase("rate: 200MBit", "is no rate")]
    [TestCase("rate: 200Mbps", "is no rate")]
    [TestCase("rate: 1001Gbit", "is no rate")]
    [TestCase("rate: pps", "is no rate")]
    [TestCase("rate: 200", "must be text")]
    [TestCase("priority: hihg", "did you mean high")]
    [TestCase("priority: 1", "must be low or normal or high, is \"1\"")]
    public void A_wrong_amount_of_traffic_is_refused(string line, string message)
    {
        string key = line[..line.IndexOf(':', StringComparison.Ordinal)];
        PolicyError rule = Read(PolicyText.With(rule: $"name: all\n  namespaceSelector: {{}}\n  {line}")).Errors.Single();
        Assert.That((rule.Line, rule.Path, rule.Message), Is.EqualTo((9, $"rules[0].{key}", rule.Message)));
        Assert.That(rule.Message, Does.Contain(message));
        PolicyError defaults = Read(PolicyText.With(top: $"defaults: {{{line}}}")).Errors.Single();
        Assert.That((defaults.Path, defaults.Message), Is.EqualTo(($"defaults.{key}", rule.Message)));
    }

    [TestCase("1B", 1, "1B")]
    [TestCase("1024", 1024, "1KiB")]
    [TestCase("1000", 1000, "1000B")]
    [TestCase("64KiB", 65_536, "64KiB")]
    [TestCase("1024KiB", 1 << 20, "1MiB")]
    [TestCase("1024GiB", 1L << 40, "1024GiB")]
    public void A_size_is_told_in_its_largest_whole_unit(string written, long bytes, string told) =>
        Assert.That((ByteSize.Parse(written)?.Bytes, ByteSize.Parse(written)?.ToString()), Is.EqualTo((bytes, told)));

    [TestCase("200Mbit", 200_000_000, false, "200Mbit")]
    [TestCase("1000kbit", 1_000_000, false, "1Mbit")]
    [TestCase("1000Gbit", 1_000_000_000_000, false, "1000Gbit")]
    [TestCase("50kpps", 50_000, true, "50kpps")]
    [TestCase("1pps", 1, true, "1pps")]
    [TestCase("2Mpps", 2_000_000, true, "2Mpps")]
    public void A_rate_is_told_in_its_largest_whole_unit(string written, long perSecond, bool packets, string told)
    {
        Assert.That(RateLimit.Parse(written), Is.EqualTo(new RateLimit(perSecond, packets)));
        Assert.That(RateLimit.Parse(written).ToString(), Is.EqualTo(told));
    }

    [Test]
    public void Expressions_that_libpcap_would_take_long_for_are_refused_by_their_size()
    {
        const string First = "{name: first, namespaceSelector: {matchLabels: {n: first}}}";
        string Rules(int count, Func<int, string> filter) => string.Join('\n', Enumerable.Range(1, count)
            .Select(i => $"- {{name: r{i}, namespaceSelector: {{matchLabels: {{n: n{i}}}}}, filter: {filter(i)}}}"));
        PolicyError longer = Read(PolicyText.With(rule: First, top: Rules(1, _ => $"len > {new string('1', 5000)}"))).Errors.Single();
        Assert.That((longer.Line, longer.Path, longer.Message),
            Is.EqualTo((8, "rules[1].filter", "has 5006 characters; an expression has at most 4096")));
        PolicyError[] more = [.. Read(PolicyText.With(rule: First, top: Rules(66, i => $"port {i}"))).Errors];
        Assert.That(more.Select(error => error.Line), Is.EqualTo(new[] { 72, 73 }));
        Assert.That(more[0].Message, Does.Contain("than the 64 that a policy may have"));
        Assert.That(Read(PolicyText.With(rule: First, top: Rules(66, _ => "port 1"))).Errors, Is.Empty, "they are one");
    }

    [TestCase("port: 4789", "sensor", "either selector")]
    [TestCase("selector: {}", "sensor.namespaces", "missing")]
    [TestCase("selector: {matchLabels: {run: sensor}}\n  namespaces: []", "sensor.namespaces", "empty")]
    [TestCase("selector: {matchLabels: {run: sensor}}\n  namespaces: security", "sensor.namespaces", "a list")]
    [TestCase("selector: {matchLabels: {run: sensor}}\n  namespaces: [Security]", "sensor.namespaces[0]", "no namespace name")]
    [TestCase("selector: {matchLabels: {run: sensor}}\n  namespaces: [a, a]", "sensor.namespaces[1]", "twice")]
    [TestCase("selector:\n  namespaces: [a]", "sensor.selector", "is nothing")]
    public void A_sensor_is_a_selector_with_namespaces_or_an_address(string sensor, string path, string message)
    {
        PolicyError error = Read(PolicyText.With(sensor: sensor)).Errors.Single();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Path, Is.EqualTo(path));
            Assert.That(error.Message, Does.Contain(message));
        }
    }

    [TestCase("", "", "is empty")]
    [TestCase("# nothing\n", "", "is empty")]
    [TestCase("[]", "", "must be a mapping")]
    [TestCase("{}", "sensor", "is missing")]
    [TestCase("a: [", "", "not valid YAML")]
    [TestCase("a: b\n\tc: d", "", "not valid YAML")]
    [TestCase("apiVersion: hostagent/v1\napiVersion: hostagent/v1", "apiVersion", "twice, first on line 1")]
    [TestCase("vni: &x 1\nrules: *x", "vni", "anchors")]
    [TestCase("vni: &x 1\nrules: *x", "rules", "aliases")]
    [TestCase("vni: !!int 1", "vni", "tags")]
    [TestCase("? [a]\n: b", "", "a key must be text")]
    [TestCase("vni: 1\n---\nvni: 2", "", "second document")]
    public void What_is_no_single_plain_document_is_refused(string text, string path, string message)
    {
        PolicyResult result = Read(text);
        bool told = result.Errors.Any(e => e.Path == path && e.Message.Contains(message, StringComparison.Ordinal));
        Assert.That(told, Is.True, string.Join('\n', result.Errors.Select(e => e.In("f"))));
    }

    [Test]
    public void Rules_are_not_empty() =>
        Assert.That(
            Read(PolicyText.With().Replace("- {name: all, namespaceSelector: {}}", "  []", StringComparison.Ordinal))
                .Errors.Single().In("f"),
            Is.EqualTo("f:7: rules: is empty; without rules no pod is mirrored"));

    [Test]
    public void Without_a_common_vni_every_rule_needs_its_own()
    {
        string none = PolicyText.With().Replace("vni: 1\n", "", StringComparison.Ordinal);
        string own = PolicyText.With(rule: "{name: all, namespaceSelector: {}, vni: 16777215}")
            .Replace("vni: 1\n", "", StringComparison.Ordinal);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Read(none).Errors.Single().Path, Is.EqualTo("vni"));
            Assert.That(Read(own).Policy!.Rules.Single().Vni, Is.EqualTo(0xffffffu));
        }
    }

    [Test]
    public void Bytes_that_are_not_utf8_are_refused_with_their_line() =>
        Assert.That(PolicyReader.Read([.. "a: b\nc: "u8, 0xff]).Errors.Single().In("f"), Is.EqualTo("f:2: is not UTF-8 text"));

    [Test]
    public void What_a_message_quotes_cannot_forge_a_log_line()
    {
        PolicyError error = Read("\"a\\nb\\e[31m\\u2028\": 1").Errors.First(e => e.Message.StartsWith("unknown", StringComparison.Ordinal));
        Assert.That(error.In("f"),
            Is.EqualTo("f:1: [\"a\\u000ab\\u001b[31m\\u2028\"]: unknown key; "
                + "known are apiVersion, kind, sensor, vni, budget, podMap, log, tap, defaults, rules"));
    }

    [Test]
    public void Hostile_sizes_end_soon_and_in_errors()
    {
        string half = new('x', 400_000);
        string[] hostile =
        [
            new('a', PolicyReader.LargestFile + 1),
            new('[', PolicyReader.LargestFile),
            new string('[', 30) + string.Concat(Enumerable.Repeat("a,", 100_000)),
            string.Concat(Enumerable.Repeat("- ", 100_000)),
            string.Concat(Enumerable.Range(0, 100_000).Select(i => $"k{i}: \n")),
            $"{half}: {{{string.Concat(Enumerable.Range(0, 50_000).Select(i => $"k{i}: 1,"))}}}",
            PolicyText.With(
                sensor: $"selector: {{}}\n  namespaces: [{string.Join(',', Enumerable.Range(0, 100_000).Select(i => $"n{i}"))}]\n  x: 1"),
            string.Concat(Enumerable.Repeat("? ", 100_000)),
            string.Concat(Enumerable.Repeat("a: ", 100_000)),
            "a: \"" + half,
            "a: |\n" + string.Concat(Enumerable.Repeat(" \n", 100_000)),
        ];
        Assert.Multiple(() =>
        {
            foreach (string text in hostile) Assert.That(Read(text).Errors, Has.Length.InRange(1, 201), text[..20]);
        });
    }

    private static PolicyResult Read(string text) => PolicyReader.Read(Encoding.UTF8.GetBytes(text));

    private static bool Same(LabelRequirement a, LabelRequirement b) =>
        a.Key == b.Key && a.Operator == b.Operator && a.Values.SequenceEqual(b.Values);
}
