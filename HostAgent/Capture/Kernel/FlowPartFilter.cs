using HostAgent.Frames;
using static HostAgent.Frames.FlowPart;
using static HostAgent.Interop.LinuxFilter;
using static HostAgent.Interop.NetinetIn;

namespace HostAgent.Capture;

/// <summary>
/// What <see cref="FlowPart"/> does, as instructions for the kernel's filter: of the frames of listed flows they accept those with TCP's
/// SYN, FIN or RST, and the heads of a few others; of the frames in some parts of a link's flows <see cref="HeadBytes"/>; and all of the
/// others.
/// </summary>
internal sealed class FlowPartFilter : FlowHashProgram
{
    /// <summary>
    /// Of so many frames of a listed flow the kernel keeps one head: enough to know that the flow goes on, and how large it is. A power of
    /// two.
    /// </summary>
    public const int FramesPerHead = 256;

    /// <summary>Of two ports.</summary>
    private const uint Ports = 4;

    /// <summary>A place in the program's memory.</summary>
    private const uint Part = 4;

    private readonly List<int> _toEnds = [];

    private FlowPartFilter(List<sock_filter> program)
        : base(program)
    {
    }

    /// <param name="program">Gets the instructions at its end.</param>
    /// <param name="links">The links that come here: the hashes of those of their flows of which hardly anything is accepted but their
    /// ends, and the parts (bit i is part i) of which the heads are.</param>
    public static void Append(List<sock_filter> program, IReadOnlyDictionary<int, (uint[] EndsOnly, ulong HeadsOnly)> links) =>
        new FlowPartFilter(program).Append(links);

    private void Append(IReadOnlyDictionary<int, (uint[] EndsOnly, ulong HeadsOnly)> links)
    {
        AppendHash();
        Add(BPF_RSH_K, PartShift);
        Add(BPF_ST, Part);
        foreach ((int link, (uint[] endsOnly, ulong headsOnly)) in links) AppendLink(link, endsOnly, headsOnly);
        int whole = Jump();
        if (_toEnds.Count > 0) AppendEnds();
        Land(whole);
        ToWhole.ForEach(Land);
        Program.Add(new(BPF_RET_K, 0, 0, LinkFilter.WholeFrame));
    }

    /// <summary>Decides for one link; the next one's instructions follow.</summary>
    private void AppendLink(int link, uint[] endsOnly, ulong headsOnly)
    {
        Add(BPF_LD_W_ABS, IfindexOffset);
        Program.Add(new(BPF_JMP_JEQ_K, 1, 0, (uint)link));
        int next = Jump();
        if (endsOnly.Length > 0) Add(BPF_LD_MEM, Hash);
        foreach (uint hash in endsOnly)
        {
            Program.Add(new(BPF_JMP_JEQ_K, 0, 1, hash));
            _toEnds.Add(Jump());
        }

        if (headsOnly != 0)
        {
            Add(BPF_LD_MEM, Part);
            AppendChoice(headsOnly);
            Program.Add(new(BPF_RET_K, 0, 0, HeadBytes));
        }
        else
        {
            ToWhole.Add(Jump());
        }

        Land(next);
    }

    /// <summary>
    /// Of a listed flow. The head ends behind the ports, so it is shorter than every such frame, and shorter than <see cref="HeadBytes"/>.
    /// </summary>
    private void AppendEnds()
    {
        _toEnds.ForEach(Land);
        Add(BPF_LDX_MEM, HeaderLength);
        Add(BPF_LD_MEM, Protocol);
        Program.Add(new(BPF_JMP_JEQ_K, 0, 3, IPPROTO_TCP));
        Add(BPF_LD_B_IND, Network + TcpHeader.Flags);
        WholeWhen(BPF_JMP_JSET_K, TcpHeader.Ends);
        Add(BPF_LD_W_ABS, RandomOffset);
        Program.Add(new(BPF_JMP_JSET_K, 0, 1, FramesPerHead - 1));
        Program.Add(new(BPF_RET_K, 0, 0, 0));
        Add(BPF_TXA);
        Add(BPF_ADD_K, Network + Ports);
        Add(BPF_RET_A);
    }

    /// <summary>Goes on when the bit of this part is set, which is in the one half of the parts or the other.</summary>
    private void AppendChoice(ulong parts)
    {
        Program.Add(new(BPF_JMP_JGE_K, 3, 0, 32));
        Add(BPF_TAX);
        Add(BPF_LD_IMM, (uint)parts);
        Add(BPF_JMP_JA, 3);
        Add(BPF_SUB_K, 32);
        Add(BPF_TAX);
        Add(BPF_LD_IMM, (uint)(parts >> 32));
        Add(BPF_RSH_X);
        WholeUnless(BPF_JMP_JSET_K, 1);
    }
}
