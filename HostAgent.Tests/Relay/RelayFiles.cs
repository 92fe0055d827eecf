using System.Net;
using System.Security.Cryptography.X509Certificates;
using HostAgent.Lab;
using HostAgent.Policy;

namespace HostAgent.Tests.Relay;

/// <summary>An authority, and what an agent and a receiver have of it in files, as cert-manager mounts them.</summary>
internal sealed class RelayFiles : IDisposable
{
    /// <summary>The name that the agent's policy asks for.</summary>
    public const string ServerName = "relay.test";

    private readonly TemporaryDirectory _folder = new();

    public RelayFiles()
    {
        foreach (string end in (string[])["agent", "receiver"])
        {
            Directory.CreateDirectory(_folder.File(end));
            Write($"{end}/ca.crt", Authority.Pem);
        }

        WriteAgent(Authority.ForClient("agent"));
        WriteReceiver(Authority.ForServer(ServerName));
    }

    public LabAuthority Authority { get; } = new("relay-ca");

    /// <summary>One that nobody believes.</summary>
    public LabAuthority Stranger { get; } = new("stranger-ca");

    public OffHostTls Policy => new(File("agent/ca.crt"), File("agent/tls.crt"), File("agent/tls.key"), ServerName);

    /// <summary>The options of <c>receive</c> that name them.</summary>
    public string[] Options =>
        ["--ca", File("receiver/ca.crt"), "--certificate", File("receiver/tls.crt"), "--key", File("receiver/tls.key")];

    public string File(string name) => _folder.File(name);

    /// <summary>The sensor part of a policy, as YAML in braces.</summary>
    public string Sensor(IPAddress address) =>
        $"{{address: {address}, reads: stream, offHost: {AgentFiles.OffHostOf(Policy)}}}";

    /// <summary>The same, read.</summary>
    public SensorPolicy SensorAt(ushort port) =>
        new() { Reads = SensorReads.Stream, Format = StreamFormat.Pcapng, Port = port, OffHost = Policy };

    public void WriteAgent(X509Certificate2 certificate) => Write("agent", certificate);

    public void WriteReceiver(X509Certificate2 certificate) => Write("receiver", certificate);

    /// <summary>As a whole: somebody may be reading.</summary>
    public void Write(string name, string content)
    {
        System.IO.File.WriteAllText(File(name) + ".new", content);
        System.IO.File.Move(File(name) + ".new", File(name), overwrite: true);
    }

    public void Dispose()
    {
        Authority.Dispose();
        Stranger.Dispose();
        _folder.Dispose();
    }

    private void Write(string end, X509Certificate2 certificate)
    {
        Write($"{end}/tls.key", LabAuthority.KeyOf(certificate));
        Write($"{end}/tls.crt", certificate.ExportCertificatePem());
        certificate.Dispose();
    }
}
