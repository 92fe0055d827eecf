namespace HostAgent.Policy;

/// <summary>The capture file's format that a stream has.</summary>
public enum StreamFormat
{
    /// <summary>Classic pcap with nanoseconds (pcap-savefile(5)), which every reader knows.</summary>
    Pcap,

    /// <summary>pcapng (draft-ietf-opsawg-pcapng): names the link that each frame is from, and tells of losses.</summary>
    Pcapng,
}
