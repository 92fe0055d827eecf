namespace HostAgent.Capture;

/// <summary>Captures through libpcap (<see cref="PcapCapture"/>). Needs CAP_NET_RAW and the library.</summary>
public sealed class PcapCaptureFactory(CaptureOptions options) : ICaptureFactory
{
    public IReadOnlyList<ICapture> Open(int shards)
    {
        if (Libpcap.Missing("--capture pcap") is { } missing) throw new IOException(missing);
        // It has no way to share the flows.
        return shards == 1 ? [new PcapCapture(options)] : throw new ArgumentOutOfRangeException(nameof(shards), shards, "libpcap does not share flows");
    }
}
