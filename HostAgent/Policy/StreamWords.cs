namespace HostAgent.Policy;

/// <summary>The spellings of <see cref="StreamFormat"/> and <see cref="StreamEncapsulation"/> in the policy, in their order.</summary>
internal static class StreamWords
{
    public static readonly string[] Formats = ["pcap", "pcapng"];

    public static readonly string[] Encapsulations = ["none", "vxlan"];
}
