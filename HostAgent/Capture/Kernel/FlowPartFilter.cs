using static HostAgent.Frames.FlowPart;
using static HostAgent.Interop.LinuxFilter;
using static HostAgent.Interop.LinuxIfEther;

namespace HostAgent.Capture;

/// <summary>
/// What <see cref="FlowPart"/> does, as instructions for the kernel's filter: they accept <see cref="HeadBytes"/> of the frames in some
/// parts of a link's flows, and all of the others. What has no ports at a fixed place (fragments, IPv6 with extension headers, frames with
/// a VLAN tag inside) is accepted whole and told apart later.
/// </summary>
internal sealed class FlowPartFilter
{
    // Places in the program's memory.
    private const uint SourcePort = 0, DestinationPort = 1, Mixed = 2, Part = 3;

    private const uint EtherType = 12, Network = 14;

    private readonly List<sock_filter> _program;
    private readonly List<int> _toWhole = [];

    private FlowPartFilter(List<sock_filter> program) => _program = program;

    /// <param name="program">Gets the instructions at its end.</param>
    /// <param name="headsOnly">The links that come here, and of which of their flows only heads are accepted.</param>
    public static void Append(List<sock_filter> program, IEnumerable<LinkParts> headsOnly) => new FlowPartFilter(program).Append(headsOnly);

    private void Append(IEnumerable<LinkParts> headsOnly)
    {
        // A load beyond the frame's end would make the kernel reject the frame: a shorter one needs no cutting.
        Add(BPF_LD_W_LEN);
        WholeUnless(BPF_JMP_JGE_K, HeadBytes + 1);
        Add(BPF_LD_H_ABS, EtherType);
        _program.Add(new(BPF_JMP_JEQ_K, 0, 1, ETH_P_IPV6));
        int v6 = Jump();
        WholeUnless(BPF_JMP_JEQ_K, ETH_P_IP);
        AppendIpv4();
        int part = Jump();
        Land(v6);
        AppendIpv6();
        Land(part);
        AppendPart();
        Add(BPF_ST, Part);
        foreach (LinkParts flows in headsOnly) AppendLink(flows);
        _toWhole.ForEach(Land);
        _program.Add(new(BPF_RET_K, 0, 0, LinkFilter.WholeFrame));
    }

    private void AppendIpv4()
    {
        // A header of at least 20 bytes, no fragment.
        WholeUnlessFirstByteIs(0x45, 0x4F);
        Add(BPF_LD_H_ABS, Network + 6);
        WholeWhen(BPF_JMP_JSET_K, 0x3FFF);
        Add(BPF_LDX_B_MSH, Network);
        AppendFlow(Network + 9, BPF_LD_H_IND, Network, Network + 12, 1);
    }

    private void AppendIpv6()
    {
        WholeUnlessFirstByteIs(0x60, 0x6F);
        AppendFlow(Network + 6, BPF_LD_H_ABS, Network + 40, Network + 8, 4);
    }

    /// <summary>Leaves the ports in memory and the addresses, XORed, in the accumulator.</summary>
    /// <param name="protocol">Where the transport's number is.</param>
    /// <param name="load">How <paramref name="ports"/> is meant: from the frame's start, or from as far behind it as the header is
    /// long.</param>
    /// <param name="ports">Where they are.</param>
    /// <param name="addresses">Where the first one is.</param>
    /// <param name="words">The length of one, in words of 32 bits.</param>
    private void AppendFlow(uint protocol, ushort load, uint ports, uint addresses, int words)
    {
        Add(BPF_LD_B_ABS, protocol);
        WholeUnlessItHasPorts();
        Add(load, ports);
        Add(BPF_ST, SourcePort);
        Add(load, ports + 2);
        Add(BPF_ST, DestinationPort);
        AppendAddress(addresses, words);
        Add(BPF_ST, Mixed);
        AppendAddress(addresses + (uint)(words * sizeof(uint)), words);
        Add(BPF_LDX_MEM, Mixed);
        Add(BPF_XOR_X);
    }

    /// <summary>Leaves the flow's part in the accumulator.</summary>
    private void AppendPart()
    {
        Add(BPF_MUL_K, AddressFactor);
        Add(BPF_ST, Mixed);
        AppendPorts(BPF_ADD_X, SumFactor);
        Add(BPF_ST, Mixed);
        AppendPorts(BPF_XOR_X, DifferenceFactor);
        Add(BPF_TAX);
        Add(BPF_RSH_K, Fold);
        Add(BPF_XOR_X);
        Add(BPF_MUL_K, LastFactor);
        Add(BPF_RSH_K, PartShift);
    }

    /// <summary>Decides for one link; the next one's instructions follow.</summary>
    private void AppendLink(LinkParts flows)
    {
        Add(BPF_LD_W_ABS, IfindexOffset);
        _program.Add(new(BPF_JMP_JEQ_K, 1, 0, (uint)flows.Link));
        int next = Jump();
        Add(BPF_LD_MEM, Part);
        AppendChoice(flows.Parts);
        _program.Add(new(BPF_RET_K, 0, 0, HeadBytes));
        Land(next);
    }

    /// <summary>Goes on when the bit of this part is set, which is in the one half of the parts or the other.</summary>
    private void AppendChoice(ulong parts)
    {
        _program.Add(new(BPF_JMP_JGE_K, 3, 0, 32));
        Add(BPF_TAX);
        Add(BPF_LD_IMM, (uint)parts);
        Add(BPF_JMP_JA, 3);
        Add(BPF_SUB_K, 32);
        Add(BPF_TAX);
        Add(BPF_LD_IMM, (uint)(parts >> 32));
        Add(BPF_RSH_X);
        WholeUnless(BPF_JMP_JSET_K, 1);
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

    /// <summary>Adds both ports, joined by an operation and multiplied, to what is mixed.</summary>
    private void AppendPorts(ushort operation, uint factor)
    {
        Add(BPF_LD_MEM, SourcePort);
        Add(BPF_LDX_MEM, DestinationPort);
        Add(operation);
        Add(BPF_MUL_K, factor);
        Add(BPF_LDX_MEM, Mixed);
        Add(BPF_ADD_X);
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
        _program.Add(new(BPF_JMP_JEQ_K, 3, 0, 6));
        _program.Add(new(BPF_JMP_JEQ_K, 2, 0, 17));
        WholeUnless(BPF_JMP_JEQ_K, 132);
    }

    private void WholeUnless(ushort condition, uint k)
    {
        _program.Add(new(condition, 1, 0, k));
        _toWhole.Add(Jump());
    }

    private void WholeWhen(ushort condition, uint k)
    {
        _program.Add(new(condition, 0, 1, k));
        _toWhole.Add(Jump());
    }

    private void Add(ushort code, uint k = 0) => _program.Add(new(code, 0, 0, k));

    /// <summary>A jump whose target <see cref="Land"/> sets.</summary>
    private int Jump()
    {
        Add(BPF_JMP_JA);
        return _program.Count - 1;
    }

    private void Land(int jump) => LinkFilter.Land(_program, jump);
}
