using System.Runtime.InteropServices;

namespace HostAgent.Interop;

/// <summary>linux/filter.h and linux/bpf_common.h: classic BPF programs as SO_ATTACH_FILTER takes them.</summary>
internal static class LinuxFilter
{
    public const ushort BPF_LD_W_ABS = 0x20;
    public const ushort BPF_LD_H_ABS = 0x28;
    public const ushort BPF_LD_B_ABS = 0x30;
    public const ushort BPF_LD_W_IND = 0x40;
    public const ushort BPF_LD_H_IND = 0x48;
    public const ushort BPF_LD_B_IND = 0x50;
    public const ushort BPF_LD_W_LEN = 0x80;
    public const ushort BPF_LD_IMM = 0x00;
    public const ushort BPF_LD_MEM = 0x60;
    public const ushort BPF_LDX_IMM = 0x01;
    public const ushort BPF_LDX_MEM = 0x61;
    public const ushort BPF_LDX_W_LEN = 0x81;

    /// <summary>X = 4 * (low four bits of the byte at k): the length of an IPv4 header.</summary>
    public const ushort BPF_LDX_B_MSH = 0xB1;
    public const ushort BPF_ST = 0x02;
    public const ushort BPF_STX = 0x03;
    public const ushort BPF_TAX = 0x07;
    public const ushort BPF_TXA = 0x87;
    public const ushort BPF_ADD_K = 0x04;
    public const ushort BPF_ADD_X = 0x0C;
    public const ushort BPF_SUB_K = 0x14;
    public const ushort BPF_SUB_X = 0x1C;
    public const ushort BPF_MUL_K = 0x24;
    public const ushort BPF_MUL_X = 0x2C;
    public const ushort BPF_DIV_K = 0x34;
    public const ushort BPF_DIV_X = 0x3C;
    public const ushort BPF_OR_K = 0x44;
    public const ushort BPF_OR_X = 0x4C;
    public const ushort BPF_AND_K = 0x54;
    public const ushort BPF_AND_X = 0x5C;
    public const ushort BPF_LSH_K = 0x64;
    public const ushort BPF_LSH_X = 0x6C;
    public const ushort BPF_RSH_K = 0x74;
    public const ushort BPF_RSH_X = 0x7C;
    public const ushort BPF_NEG = 0x84;
    public const ushort BPF_MOD_K = 0x94;
    public const ushort BPF_MOD_X = 0x9C;
    public const ushort BPF_XOR_K = 0xA4;
    public const ushort BPF_XOR_X = 0xAC;
    public const ushort BPF_JMP_JA = 0x05;
    public const ushort BPF_JMP_JEQ_K = 0x15;
    public const ushort BPF_JMP_JEQ_X = 0x1D;
    public const ushort BPF_JMP_JGT_K = 0x25;
    public const ushort BPF_JMP_JGT_X = 0x2D;
    public const ushort BPF_JMP_JGE_K = 0x35;
    public const ushort BPF_JMP_JGE_X = 0x3D;
    public const ushort BPF_JMP_JSET_K = 0x45;
    public const ushort BPF_JMP_JSET_X = 0x4D;
    public const ushort BPF_RET_K = 0x06;
    public const ushort BPF_RET_A = 0x16;

    /// <summary>SKF_AD_OFF + SKF_AD_IFINDEX: loads the ifindex of the link that the frame is on.</summary>
    public const uint IfindexOffset = unchecked((uint)(-0x1000 + 8));

    /// <summary>SKF_AD_OFF + SKF_AD_PKTTYPE: loads sll_pkttype.</summary>
    public const uint PacketTypeOffset = unchecked((uint)(-0x1000 + 4));

    /// <summary>SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT: loads 1 when a VLAN tag travels beside the frame, else 0.</summary>
    public const uint VlanTagPresentOffset = unchecked((uint)(-0x1000 + 48));

    /// <summary>SKF_AD_OFF + SKF_AD_RANDOM: loads a random number.</summary>
    public const uint RandomOffset = unchecked((uint)(-0x1000 + 56));

    /// <summary>BPF_MEMWORDS: the words of a program's memory.</summary>
    public const int MemoryWords = 16;

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
