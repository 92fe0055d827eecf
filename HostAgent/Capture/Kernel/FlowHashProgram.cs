using HostAgent.Frames;
using static HostAgent.Frames.FlowPart;
using static HostAgent.Interop.LinuxFilter;
using static HostAgent.Interop.LinuxIfEther;
using static HostAgent.Interop.NetinetIn;

namespace HostAgent.Capture;

/// <summary>
/// The hash of <see cref="FlowPart"/>, as instructions for the kernel's filter. What has no ports at a fixed place (fragments, IPv6 with
/// extension headers, frames with a VLAN tag inside) and what is too short for its headers is accepted whole, and told apart later.
/// </summary>
/// <param name="program">Gets the instructions at its end.</param>
internal abstract class FlowHashProgram(List<sock_filter> program)
{
    /// <summary>Places in the program's memory.</summary>
    protected const uint Hash = 3, Protocol = 5, HeaderLength = 6;

    protected const uint Network = 14;

    private const uint SourcePort = 0, DestinationPort = 1, Mixed = 2;

    private const uint EtherType = 12;

    protected List<sock_filter> Program => program;

    /// <summary>Jumps to what accepts the frame whole.</summary>
    protected List<int> ToWhole { get; } = [];

    /// <summary>Leaves the flow's hash, its protocol and the IP header's length in memory, and the hash in the accumulator.</summary>
    protected void AppendHash()
    {
        // A load beyond the frame's end would make the kernel reject the frame, and even the shortest is to be judged later.
        Add(BPF_LD_W_LEN);
        WholeUnless(BPF_JMP_JGE_K, Network + IpHeader.IPv4Length);
        Add(BPF_LD_H_ABS, EtherType);
        Program.Add(new(BPF_JMP_JEQ_K, 0, 1, ETH_P_IPV6));
        int v6 = Jump();
        WholeUnless(BPF_JMP_JEQ_K, ETH_P_IP);
        AppendIpv4();
        int ends = Jump();
        Land(v6);
        AppendIpv6();
        Land(ends);
        AppendProduct(Protocol, ProtocolFactor);
        AppendFold();
        Add(BPF_MUL_K, LastFactor);
        Add(BPF_ST, Hash);
    }

    private void AppendIpv4()
    {
        // A header of at least 20 bytes, no fragment.
        WholeUnlessFirstByteIs(0x45, 0x4F);
        Add(BPF_LD_H_ABS, Network + 6);
        WholeWhen(BPF_JMP_JSET_K, 0x3FFF);
        Add(BPF_LDX_B_MSH, Network);
        WholeUnlessTransportFits();
        Add(BPF_LDX_B_MSH, Network);
        AppendFlow(Network + 9, Network + 12, 1);
    }

    private void AppendIpv6()
    {
        WholeUnlessFirstByteIs(0x60, 0x6F);
        Add(BPF_LDX_IMM, IpHeader.IPv6Length);
        WholeUnlessTransportFits();
        Add(BPF_LDX_IMM, IpHeader.IPv6Length);
        AppendFlow(Network + 6, Network + 8, 4);
    }

    /// <summary>The index register has the IP header's length, and loses it.</summary>
    private void WholeUnlessTransportFits()
    {
        Add(BPF_TXA);
        Add(BPF_ADD_K, Network + TcpHeader.Flags + 1);
        Add(BPF_LDX_W_LEN);
        Program.Add(new(BPF_JMP_JGT_X, 0, 1, 0));
        ToWhole.Add(Jump());
    }

    /// <summary>Leaves the sum of the flow's ends in the accumulator. The index register has the IP header's length.</summary>
    /// <param name="protocol">Where the transport's number is.</param>
    /// <param name="addresses">Where the first one is.</param>
    /// <param name="words">The length of one, in words of 32 bits.</param>
    private void AppendFlow(uint protocol, uint addresses, int words)
    {
        Add(BPF_STX, HeaderLength);
        Add(BPF_LD_B_ABS, protocol);
        WholeUnlessItHasPorts();
        Add(BPF_ST, Protocol);
        Add(BPF_LD_H_IND, Network);
        Add(BPF_ST, SourcePort);
        Add(BPF_LD_H_IND, Network + 2);
        Add(BPF_ST, DestinationPort);
        AppendEnd(addresses, words, SourcePort);
        Add(BPF_ST, SourcePort);
        AppendEnd(addresses + (uint)(words * sizeof(uint)), words, DestinationPort);
        Add(BPF_LDX_MEM, SourcePort);
        Add(BPF_ADD_X);
    }

    private void AppendEnd(uint address, int words, uint port)
    {
        AppendAddress(address, words);
        Add(BPF_MUL_K, AddressFactor);
        AppendProduct(port, PortFactor);
        AppendFold();
        Add(BPF_MUL_K, EndFactor);
    }

    /// <summary>Adds a number of the memory, multiplied, to the accumulator.</summary>
    private void AppendProduct(uint number, uint factor)
    {
        Add(BPF_ST, Mixed);
        Add(BPF_LD_MEM, number);
        Add(BPF_MUL_K, factor);
        Add(BPF_LDX_MEM, Mixed);
        Add(BPF_ADD_X);
    }

    private void AppendFold()
    {
        Add(BPF_TAX);
        Add(BPF_RSH_K, Fold);
        Add(BPF_XOR_X);
    }

    private void AppendAddress(uint at, int words)
    {
        Add(BPF_LD_W_ABS, at);
        for (uint word = 1; word < words; word++)
        {
            Add(BPF_MUL_K, WordFactor);
            Add(BPF_TAX);
            Add(BPF_LD_W_ABS, at + (word * sizeof(uint)));
            Add(BPF_ADD_X);
        }
    }

    /// <summary>The IP header's: its version, and IPv4's length.</summary>
    private void WholeUnlessFirstByteIs(uint first, uint last)
    {
        Add(BPF_LD_B_ABS, Network);
        WholeUnless(BPF_JMP_JGE_K, first);
        WholeWhen(BPF_JMP_JGE_K, last + 1);
    }

    /// <summary>TCP, UDP and SCTP.</summary>
    private void WholeUnlessItHasPorts()
    {
        Program.Add(new(BPF_JMP_JEQ_K, 3, 0, 6));
        Program.Add(new(BPF_JMP_JEQ_K, 2, 0, 17));
        WholeUnless(BPF_JMP_JEQ_K, 132);
    }

    protected void WholeUnless(ushort condition, uint k)
    {
        Program.Add(new(condition, 1, 0, k));
        ToWhole.Add(Jump());
    }

    protected void WholeWhen(ushort condition, uint k)
    {
        Program.Add(new(condition, 0, 1, k));
        ToWhole.Add(Jump());
    }

    protected void Add(ushort code, uint k = 0) => Program.Add(new(code, 0, 0, k));

    /// <summary>A jump whose target <see cref="Land"/> sets.</summary>
    protected int Jump()
    {
        Add(BPF_JMP_JA);
        return Program.Count - 1;
    }

    protected void Land(int jump) => LinkFilter.Land(Program, jump);
}
