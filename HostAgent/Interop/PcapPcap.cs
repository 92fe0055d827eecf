using System.Runtime.InteropServices;

namespace HostAgent.Interop;

/// <summary>pcap/pcap.h: what libpcap says of a packet.</summary>
internal static class PcapPcap
{
    /// <summary>What pcap_next_ex(3PCAP) returns beside errors, which are negative.</summary>
    public const int PacketRead = 1;

    /// <summary>PCAP_ERROR_BREAK: from a file, that it has ended.</summary>
    public const int PCAP_ERROR_BREAK = -2;

    /// <summary>struct pcap_pkthdr, as on Linux with longs of 64 bits.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct pcap_pkthdr
    {
        /// <summary>Seconds of Unix time.</summary>
        public long tv_sec;

        /// <summary>Microseconds, or nanoseconds where that precision was asked for.</summary>
        public long tv_usec;

        /// <summary>Bytes that are there.</summary>
        public uint caplen;

        /// <summary>Bytes that the packet had.</summary>
        public uint len;
    }
}
