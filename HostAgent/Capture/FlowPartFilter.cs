using static HostAgent.Capture.FlowPart;
using static HostAgent.Interop.LinuxFilter;

namespace HostAgent.Capture;

/// <summary>What <see cref="FlowPart"/> does, as instructions for the kernel's filter.</summary>
internal static class FlowPartFilter
{
    /// <summary>
    /// Adds instructions that accept <see cref="HeadBytes"/> of frames of some parts, and all of the others. What has no
    /// ports at a fixed place (fragments, IPv6 with extension headers, frames with a VLAN tag inside) is accepted whole and told apart later.
    /// </summary>
    /// <param name="program">Gets them.</param>
    /// <param name="parts">Bit i is part i.</param>
    public static void Append(List<sock_filter> program, ulong parts)
    {
        // Places of the program's memory.
        const uint Source = 0, Destination = 1, Mixed = 2;
        var toWhole = new List<int>();
        // A load beyond the frame's end would make the kernel reject the frame: a shorter one needs no cutting.
        Load(BPF_LD_W_LEN, 0);
        Unless(BPF_JMP_JGE_K, HeadBytes + 1);
        Load(BPF_LD_H_ABS, 12);
        program.Add(new(BPF_JMP_JEQ_K, 0, 1, 0x86DD));
        int toV6 = Jump();
        Unless(BPF_JMP_JEQ_K, 0x0800);

        Load(BPF_LD_B_ABS, 14);
        Unless(BPF_JMP_JGE_K, 0x45);
        When(BPF_JMP_JGE_K, 0x50);
        Load(BPF_LD_H_ABS, 20);
        When(BPF_JMP_JSET_K, 0x3FFF);
        Load(BPF_LD_B_ABS, 23);
        UnlessItHasPorts();
        Load(BPF_LDX_B_MSH, 14);
        Load(BPF_LD_H_IND, 14);
        Load(BPF_ST, Source);
        Load(BPF_LD_H_IND, 16);
        Load(BPF_ST, Destination);
        AddressesAt(26, 1);
        int toPart = Jump();

        program[toV6] = new(BPF_JMP_JA, 0, 0, (uint)(program.Count - toV6 - 1));
        Load(BPF_LD_B_ABS, 14);
        Unless(BPF_JMP_JGE_K, 0x60);
        When(BPF_JMP_JGE_K, 0x70);
        Load(BPF_LD_B_ABS, 20);
        UnlessItHasPorts();
        Load(BPF_LD_H_ABS, 54);
        Load(BPF_ST, Source);
        Load(BPF_LD_H_ABS, 56);
        Load(BPF_ST, Destination);
        AddressesAt(22, 4);

        program[toPart] = new(BPF_JMP_JA, 0, 0, (uint)(program.Count - toPart - 1));
        Load(BPF_MUL_K, AddressFactor);
        Load(BPF_ST, Mixed);
        AddPorts(BPF_ADD_X, SumFactor);
        Load(BPF_ST, Mixed);
        AddPorts(BPF_XOR_X, DifferenceFactor);
        Load(BPF_TAX, 0);
        Load(BPF_RSH_K, Fold);
        Load(BPF_XOR_X, 0);
        Load(BPF_MUL_K, LastFactor);
        Load(BPF_RSH_K, PartShift);
        // The bit of this part, in the one half of the parts or the other.
        program.Add(new(BPF_JMP_JGE_K, 3, 0, 32));
        Load(BPF_TAX, 0);
        Load(BPF_LD_IMM, (uint)parts);
        program.Add(new(BPF_JMP_JA, 0, 0, 3));
        Load(BPF_SUB_K, 32);
        Load(BPF_TAX, 0);
        Load(BPF_LD_IMM, (uint)(parts >> 32));
        Load(BPF_RSH_X, 0);
        Unless(BPF_JMP_JSET_K, 1);
        program.Add(new(BPF_RET_K, 0, 0, HeadBytes));
        foreach (int jump in toWhole) program[jump] = new(BPF_JMP_JA, 0, 0, (uint)(program.Count - jump - 1));
        program.Add(new(BPF_RET_K, 0, 0, uint.MaxValue));

        void Load(ushort code, uint k) => program.Add(new(code, 0, 0, k));

        int Jump()
        {
            program.Add(default);
            return program.Count - 1;
        }

        void Unless(ushort condition, uint k)
        {
            program.Add(new(condition, 1, 0, k));
            toWhole.Add(Jump());
        }

        void When(ushort condition, uint k)
        {
            program.Add(new(condition, 0, 1, k));
            toWhole.Add(Jump());
        }

        void UnlessItHasPorts()
        {
            program.Add(new(BPF_JMP_JEQ_K, 3, 0, 6));
            program.Add(new(BPF_JMP_JEQ_K, 2, 0, 17));
            program.Add(new(BPF_JMP_JEQ_K, 1, 0, 132));
            toWhole.Add(Jump());
        }

        void AddressesAt(uint at, int words)
        {
            Address(at, words);
            Load(BPF_ST, Mixed);
            Address(at + (uint)(words * sizeof(uint)), words);
            Load(BPF_LDX_MEM, Mixed);
            Load(BPF_XOR_X, 0);
        }

        void Address(uint at, int words)
        {
            Load(BPF_LD_W_ABS, at);
            for (uint word = 1; word < words; word++)
            {
                Load(BPF_MUL_K, WordFactor);
                Load(BPF_TAX, 0);
                Load(BPF_LD_W_ABS, at + (word * sizeof(uint)));
                Load(BPF_ADD_X, 0);
            }
        }

        // Mixed, and both ports by this operation and this factor.
        void AddPorts(ushort operation, uint factor)
        {
            Load(BPF_LD_MEM, Source);
            Load(BPF_LDX_MEM, Destination);
            Load(operation, 0);
            Load(BPF_MUL_K, factor);
            Load(BPF_LDX_MEM, Mixed);
            Load(BPF_ADD_X, 0);
        }
    }
}
