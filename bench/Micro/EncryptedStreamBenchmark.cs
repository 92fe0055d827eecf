namespace HostAgent.Bench.Micro;

/// <summary>The same into a stream over TLS: what the agent's end takes, since the reader does not decrypt.</summary>
public class EncryptedStreamBenchmark : StreamBenchmark
{
    private protected override bool Encrypted => true;
}
