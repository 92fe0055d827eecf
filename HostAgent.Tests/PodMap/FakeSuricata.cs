using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace HostAgent.Tests.PodMap;

/// <summary>
/// Suricata's socket with one set behind it, which answers as 8.0.8 does. Disposed of, it ends as Suricata does: the connection is gone.
/// </summary>
internal sealed class FakeSuricata : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Dictionary<string, string> _set;
    private readonly List<string> _commands = [];
    private readonly Task _serving;
    private Socket? _client;

    /// <param name="path">Of the socket.</param>
    /// <param name="set">What somebody told it before: JSON by address.</param>
    public FakeSuricata(string path, Dictionary<string, string>? set = null)
    {
        _set = set ?? [];
        File.Delete(path);
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen(1);
        _serving = Task.Run(Serve);
    }

    /// <summary>An address that an alert is just reading: it cannot be removed now.</summary>
    public string? Busy { get; set; }

    /// <summary>What an alert would say: JSON by address.</summary>
    public Dictionary<string, string> Set
    {
        get
        {
            lock (_commands) return new(_set);
        }
    }

    /// <summary>What was asked of it, without the JSON.</summary>
    public string[] Commands
    {
        get
        {
            lock (_commands) return [.. _commands];
        }
    }

    public void Dispose()
    {
        _listener.Dispose();
        _client?.Dispose();
        _serving.Wait();
    }

    private void Serve()
    {
        try
        {
            _client = _listener.Accept();
            using var stream = new NetworkStream(_client);
            using var reader = new StreamReader(stream);
            Assert.That(reader.ReadLine(), Is.EqualTo("""{"version": "0.2"}"""));
            stream.Write("{\"return\": \"OK\"}\n"u8);
            while (reader.ReadLine() is { } line)
            {
                (string verdict, string message) = Answer(JsonNode.Parse(line)!);
                stream.Write(JsonSerializer.SerializeToUtf8Bytes(new { message, @return = verdict }));
                stream.Write("\n"u8);
            }
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException)
        {
            // It was disposed of, or the updater has ended.
        }
    }

    private (string Verdict, string Message) Answer(JsonNode asked)
    {
        JsonNode arguments = asked["arguments"]!;
        string command = (string)asked["command"]!, ip = (string?)arguments["datavalue"] ?? "";
        if (((string?)arguments["setname"], (string?)arguments["settype"]) != ("host-agent-pods", "ip"))
            return ("NOK", "set not found or wrong type");
        lock (_commands)
        {
            _commands.Add($"{command} {ip}".TrimEnd());
            switch (command)
            {
                case "dataset-clear":
                    _set.Clear();
                    return ("OK", "dataset cleared");
                case "dataset-remove" when ip == Busy:
                    return ("OK", "data is busy, try again");
                case "dataset-remove":
                    return _set.Remove(ip) ? ("OK", "data removed") : ("NOK", "failed to remove data");
                case "dataset-add-json":
                    string json = (string)arguments["datajson"]!;
                    if (json.Length > 1024) return ("NOK", "failed to add data");
                    return ("OK", _set.TryAdd(ip, json) ? "data added" : "data already in set");
                default:
                    return ("NOK", "Unknown command");
            }
        }
    }
}
