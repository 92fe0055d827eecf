using System.Runtime.InteropServices;

namespace HostAgent.Interop;

/// <summary>pcap/bpf.h: a filter program as pcap_compile(3PCAP) leaves it.</summary>
internal static class PcapBpf
{
    /// <summary>struct bpf_program; its instructions look like the kernel's.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct bpf_program
    {
        public uint bf_len;
        public LinuxFilter.sock_filter* bf_insns;
    }
}
