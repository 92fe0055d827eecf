namespace HostAgent.Capture;

/// <summary>How frames are captured.</summary>
public enum CaptureBackend
{
    /// <summary>By the kernel's ring, which says what offload left undone.</summary>
    Ring,

    /// <summary>Through libpcap, for hosts that give no ring.</summary>
    Pcap,
}
