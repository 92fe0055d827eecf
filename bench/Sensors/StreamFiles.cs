using System.Security.Cryptography.X509Certificates;
using HostAgent.Lab;
using HostAgent.Policy;
using HostAgent.Tunnel;

namespace HostAgent.Bench.Sensors;

/// <summary>What both ends of an encrypted stream have in files: an authority that is made for one run, and what it issues.</summary>
/// <param name="folder">Where they are.</param>
internal sealed class StreamFiles(string folder)
{
    /// <summary>The name that the receiver's certificate bears.</summary>
    public const string ServerName = "receiver.bench";

    private const string Agent = "agent", Receiver = "receiver";

    /// <summary>What the agent reads, where a test is the agent.</summary>
    public TlsFiles OfAgent => new(Authority, Certificate(Agent), Key(Agent));

    /// <summary>What the receiving end reads.</summary>
    public TlsFiles OfReceiver => new(Authority, Certificate(Receiver), Key(Receiver));

    /// <summary>The policy's sensor.offHost.</summary>
    public string OffHost => AgentFiles.OffHostOf(new OffHostTls(Authority, Certificate(Agent), Key(Agent), ServerName));

    private string Authority => Path.Combine(folder, "ca.crt");

    /// <summary>Makes them anew.</summary>
    public void Make()
    {
        using var authority = new LabAuthority("bench-ca");
        File.WriteAllText(Authority, authority.Pem);
        Write(Agent, authority.ForClient(Agent));
        Write(Receiver, authority.ForServer(ServerName));
    }

    private string Certificate(string end) => Path.Combine(folder, $"{end}.crt");

    private string Key(string end) => Path.Combine(folder, $"{end}.key");

    private void Write(string end, X509Certificate2 issued)
    {
        using X509Certificate2 own = issued;
        File.WriteAllText(Certificate(end), own.ExportCertificatePem());
        File.WriteAllText(Key(end), LabAuthority.KeyOf(own));
    }
}
