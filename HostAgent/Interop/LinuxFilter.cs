using System.Runtime.InteropServices;

namespace HostAgent.Interop;

/// <summary>linux/filter.h and linux/bpf_common.h: classic BPF programs as SO_ATTACH_FILTER takes them.</summary>
internal static class LinuxFilter
{
    public const ushort BPF_LD_W_ABS = 0x20;
    public const ushort BPF_LD_H_ABS = 0x28;
    public const ushort BPF_LD_B_ABS = 0x30;
    public const ushort BPF_JMP_JA = 0x05;
    public const ushort BPF_JMP_JEQ_K = 0x15;
    public const ushort BPF_JMP_JGE_K = 0x35;
    public const ushort BPF_RET_K = 0x06;

    /// <summary>SKF_AD_OFF + SKF_AD_IFINDEX: loads the ifindex of the link that the frame is on.</summary>
    public const uint IfindexOffset = unchecked((uint)(-0x1000 + 8));

    /// <summary>SKF_AD_OFF + SKF_AD_PKTTYPE: loads sll_pkttype.</summary>
    public const uint PacketTypeOffset = unchecked((uint)(-0x1000 + 4));

    /// <summary>BPF_MAXINSNS.</summary>
    public const int MaxInstructions = 4096;

    [StructLayout(LayoutKind.Sequential)]
    public readonly record struct sock_filter(ushort code, byte jt, byte jf, uint k);

    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct sock_fprog
    {
        public ushort len;
        public sock_filter* filter;
    }
}
