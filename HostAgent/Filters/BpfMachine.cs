using System.Runtime.CompilerServices;
using HostAgent.Frames;
using static HostAgent.Interop.LinuxFilter;

namespace HostAgent.Filters;

/// <summary>
/// Runs classic BPF programs in user space, with the kernel's answers (Documentation/networking/filter.rst; net/core/filter.c): for frames
/// that the kernel has not decided. What the kernel reads beside a frame (SKF_AD_OFF) is not offered.
/// </summary>
internal static unsafe class BpfMachine
{
    /// <summary>
    /// Whether a program may be run, as the kernel's bpf_check_classic() has it: it ends, and reads and writes within its memory.
    /// </summary>
    public static bool IsSound(ReadOnlySpan<sock_filter> program)
    {
        if (program.IsEmpty || program.Length > MaxInstructions || program[^1].code is not (BPF_RET_K or BPF_RET_A)) return false;
        for (int at = 0; at < program.Length; at++)
        {
            sock_filter i = program[at];
            uint left = (uint)(program.Length - at - 1);
            bool sound = i.code switch
            {
                BPF_LD_W_ABS or BPF_LD_H_ABS or BPF_LD_B_ABS or BPF_LDX_B_MSH => i.k <= int.MaxValue,
                BPF_LD_MEM or BPF_LDX_MEM or BPF_ST or BPF_STX => i.k < MemoryWords,
                BPF_DIV_K or BPF_MOD_K => i.k != 0,
                BPF_LSH_K or BPF_RSH_K => i.k < 32,
                BPF_JMP_JA => i.k < left,
                BPF_JMP_JEQ_K or BPF_JMP_JGT_K or BPF_JMP_JGE_K or BPF_JMP_JSET_K
                    or BPF_JMP_JEQ_X or BPF_JMP_JGT_X or BPF_JMP_JGE_X or BPF_JMP_JSET_X => i.jt < left && i.jf < left,
                BPF_LD_W_IND or BPF_LD_H_IND or BPF_LD_B_IND or BPF_LD_W_LEN or BPF_LDX_W_LEN or BPF_LD_IMM or BPF_LDX_IMM
                    or BPF_TAX or BPF_TXA or BPF_ADD_K or BPF_ADD_X or BPF_SUB_K or BPF_SUB_X or BPF_MUL_K or BPF_MUL_X
                    or BPF_DIV_X or BPF_MOD_X or BPF_OR_K or BPF_OR_X or BPF_AND_K or BPF_AND_X or BPF_XOR_K or BPF_XOR_X
                    or BPF_LSH_X or BPF_RSH_X or BPF_NEG or BPF_RET_K or BPF_RET_A => true,
                _ => false,
            };
            if (!sound) return false;
        }

        return true;
    }

    /// <summary>
    /// What the program returns: how much of the frame it accepts, 0 for nothing. A load beyond the frame's end rejects it.
    /// </summary>
    /// <param name="program">One that <see cref="IsSound"/>.</param>
    /// <param name="frame">From the link-layer header on.</param>
    /// <param name="length">Its bytes.</param>
    public static uint Run(ReadOnlySpan<sock_filter> program, byte* frame, int length)
    {
        uint a = 0, x = 0;
        uint* memory = stackalloc uint[MemoryWords];
        for (int at = 0; ; at++)
        {
            ref readonly sock_filter i = ref program[at];
            uint k = i.k;
            switch (i.code)
            {
                case BPF_LD_W_IND:
                    k += x;
                    goto case BPF_LD_W_ABS;
                case BPF_LD_W_ABS:
                    if (IsBeyond(k, sizeof(uint), length)) return 0;
                    a = BigEndian.Read32(frame + k);
                    break;
                case BPF_LD_H_IND:
                    k += x;
                    goto case BPF_LD_H_ABS;
                case BPF_LD_H_ABS:
                    if (IsBeyond(k, sizeof(ushort), length)) return 0;
                    a = BigEndian.Read16(frame + k);
                    break;
                case BPF_LD_B_IND:
                    k += x;
                    goto case BPF_LD_B_ABS;
                case BPF_LD_B_ABS:
                    if (IsBeyond(k, 1, length)) return 0;
                    a = frame[k];
                    break;
                case BPF_LDX_B_MSH:
                    if (IsBeyond(k, 1, length)) return 0;
                    x = (frame[k] & 0xFu) * 4;
                    break;
                case BPF_LD_W_LEN: a = (uint)length; break;
                case BPF_LDX_W_LEN: x = (uint)length; break;
                case BPF_LD_IMM: a = k; break;
                case BPF_LDX_IMM: x = k; break;
                case BPF_LD_MEM: a = memory[k]; break;
                case BPF_LDX_MEM: x = memory[k]; break;
                case BPF_ST: memory[k] = a; break;
                case BPF_STX: memory[k] = x; break;
                case BPF_TAX: x = a; break;
                case BPF_TXA: a = x; break;
                case BPF_DIV_X when x == 0:
                case BPF_MOD_X when x == 0:
                    return 0;
                case BPF_JMP_JA: at += (int)k; break;
                case BPF_JMP_JEQ_K: at += a == k ? i.jt : i.jf; break;
                case BPF_JMP_JGT_K: at += a > k ? i.jt : i.jf; break;
                case BPF_JMP_JGE_K: at += a >= k ? i.jt : i.jf; break;
                case BPF_JMP_JSET_K: at += (a & k) != 0 ? i.jt : i.jf; break;
                case BPF_JMP_JEQ_X: at += a == x ? i.jt : i.jf; break;
                case BPF_JMP_JGT_X: at += a > x ? i.jt : i.jf; break;
                case BPF_JMP_JGE_X: at += a >= x ? i.jt : i.jf; break;
                case BPF_JMP_JSET_X: at += (a & x) != 0 ? i.jt : i.jf; break;
                case BPF_RET_K: return k;
                case BPF_RET_A: return a;
                default: a = Calculate(i.code, a, k, x); break;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsBeyond(uint at, int size, int length) => (long)at + size > length;

    // Shifts by X use its lower five bits, as the kernel's do.
    private static uint Calculate(ushort code, uint a, uint k, uint x) => code switch
    {
        BPF_ADD_K => a + k,
        BPF_ADD_X => a + x,
        BPF_SUB_K => a - k,
        BPF_SUB_X => a - x,
        BPF_MUL_K => a * k,
        BPF_MUL_X => a * x,
        BPF_DIV_K => a / k,
        BPF_DIV_X => a / x,
        BPF_MOD_K => a % k,
        BPF_MOD_X => a % x,
        BPF_OR_K => a | k,
        BPF_OR_X => a | x,
        BPF_AND_K => a & k,
        BPF_AND_X => a & x,
        BPF_XOR_K => a ^ k,
        BPF_XOR_X => a ^ x,
        BPF_LSH_K => a << (int)k,
        BPF_LSH_X => a << (int)x,
        BPF_RSH_K => a >> (int)k,
        BPF_RSH_X => a >> (int)x,
        _ => (uint)-(int)a,
    };
}
