using HostAgent.Filters;

namespace HostAgent.Capture;

/// <summary>Captures through libpcap (<see cref="PcapCapture"/>). Needs CAP_NET_RAW and the library.</summary>
public sealed class PcapCaptureFactory(CaptureOptions options) : ICaptureFactory
{
    public string Note =>
        "frames are captured through libpcap (--capture pcap): super-frames reach the sensor whole, not as the wire carried them, "
        + "and frames between two captured pods may reach it twice; without that option the kernel's ring is used, which has neither";

    public IReadOnlyList<ICapture> Open(int shards)
    {
        if (Libpcap.Missing("--capture pcap") is { } missing) throw new IOException(missing);
        // It has no way to share the flows.
        return shards == 1
            ? [new PcapCapture(options)]
            : throw new ArgumentOutOfRangeException(nameof(shards), shards, "libpcap does not share flows");
    }
}
