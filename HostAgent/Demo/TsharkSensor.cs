using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using HostAgent.Lab;

namespace HostAgent.Demo;

/// <summary>
/// tshark in the sensor's place: it takes the tunnel off by itself and knows nothing of the agent. Its packets become conversations, as in
/// a sensor's log.
/// </summary>
internal sealed partial class TsharkSensor : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static readonly string[] Fields =
    [
        "frame.time_epoch", "frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst",
        "tcp.srcport", "tcp.dstport", "tcp.len", "udp.srcport", "udp.dstport", "udp.length",
    ];

    private readonly ChildProcess _process;

    private TsharkSensor(ChildProcess process) => _process = process;

    /// <returns>Null when tshark is not installed.</returns>
    /// <exception cref="TimeoutException">It does not begin to capture.</exception>
    public static async Task<TsharkSensor?> StartAsync(PodNetwork sensor, CancellationToken cancellation)
    {
        if (!(Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, "tshark"))))
            return null;
        // Of a field that is there outside and inside the tunnel, the last one is the inner one.
        var tshark = new TsharkSensor(ChildProcess.Start(sensor.Namespace,
        [
            "tshark", "-l", "-n", "-i", PodNetwork.Link, "-f", "udp port 4789", "-d", "udp.port==4789,vxlan",
            "-d", $"tcp.port=={LdapLookup.Port},ldap", "-T", "fields", "-E", "separator=/t", "-E", "occurrence=l",
            .. Fields.SelectMany(field => new[] { "-e", field }),
        ]));
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        try
        {
            while (!tshark._process.Errors.Contains("Capturing on", StringComparison.Ordinal)) await Task.Delay(50, limit.Token);
            // It says so just before it opens the link.
            await Task.Delay(500, limit.Token);
            return tshark;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            await tshark.DisposeAsync();
            throw new TimeoutException($"tshark does not begin to capture: {tshark._process.Errors}");
        }
    }

    /// <summary>Ends it.</summary>
    /// <returns>What it saw, in the order in which it began.</returns>
    public async Task<IReadOnlyList<Conversation>> StopAsync(CancellationToken cancellation)
    {
        // What was sent last is on its way through dumpcap.
        await Task.Delay(1000, cancellation);
        _process.Terminate();
        await _process.WaitAsync(Patience);
        var conversations = new Dictionary<string, Conversation>();
        foreach (string line in _process.ReadRest()) Take(line, conversations);
        return [.. conversations.Values.OrderBy(conversation => conversation.Begin)];
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();

    private static void Take(string line, Dictionary<string, Conversation> conversations)
    {
        string[] values = line.Split('\t');
        if (values.Length != Fields.Length || Inner().Match(values[1]) is not { Success: true } inner) return;
        string transport = inner.Groups["transport"].Value;
        int address = inner.Groups["ip"].Value == "ip" ? 2 : 4, port = transport == "tcp" ? 6 : 9;
        IPEndPoint from = End(values[address], values[port]), to = End(values[address + 1], values[port + 1]);
        double time = double.Parse(values[0], CultureInfo.InvariantCulture);
        long payload = long.Parse(values[port + 2], CultureInfo.InvariantCulture) - (transport == "udp" ? 8 : 0);
        string forth = $"{transport} {from} {to}", back = $"{transport} {to} {from}";
        bool answers = conversations.TryGetValue(back, out Conversation? conversation);
        if (!answers && !conversations.TryGetValue(forth, out conversation))
            conversations[forth] = conversation = new Conversation { Begin = time, Protocol = transport, Origin = from, Responder = to };
        conversation!.End = time;
        if (inner.Groups["service"] is { Success: true, Value: var service }) conversation.Service ??= service;
        if (answers) conversation.ResponderBytes += payload;
        else conversation.OriginBytes += payload;
    }

    private static IPEndPoint End(string address, string port) =>
        new(IPAddress.Parse(address), int.Parse(port, CultureInfo.InvariantCulture));

    [GeneratedRegex(":vxlan:.*?:(?<ip>ipv6|ip):(?<transport>tcp|udp)(:(?<service>[^:]+))?")]
    private static partial Regex Inner();
}
