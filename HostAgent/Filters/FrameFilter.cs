using PacketDotNet;
using SharpPcap;
using SharpPcap.LibPcap;
using static HostAgent.Interop.LinuxFilter;
using static HostAgent.Interop.PcapBpf;

namespace HostAgent.Filters;

/// <summary>
/// A pcap-filter(7) expression as libpcap compiles it for Ethernet: which frames are wanted. It judges a frame as it is on the pod's link,
/// a super-frame uncut, and with its VLAN tag in its place. Immutable, and may be asked from any thread.
/// </summary>
public sealed class FrameFilter : IEquatable<FrameFilter>
{
    // The pods' networks have masks of their own, so an expression cannot ask for "the" broadcast address: libpcap then says so.
    private const uint NetmaskUnknown = 0xFFFF_FFFF;

    private const int LongestName = 64;

    private readonly sock_filter[] _program;

    private FrameFilter(string expression, sock_filter[] program)
    {
        Expression = expression;
        _program = program;
    }

    /// <summary>As it was given.</summary>
    public string Expression { get; }

    internal ReadOnlySpan<sock_filter> Program => _program;

    /// <summary>Compiles an expression; neither a name server nor the kernel is asked.</summary>
    /// <exception cref="FilterException">It is no expression, or none that can be used here, or libpcap is missing.</exception>
    public static FrameFilter Compile(string expression)
    {
        if (Libpcap.Missing("a filter") is { } missing) throw new FilterException(missing);
        // To libpcap that is one that accepts everything.
        if (string.IsNullOrWhiteSpace(expression)) throw new FilterException("the filter is empty: leave it out to mirror all frames");
        // To libpcap a NUL is the end; the others would be told in a message.
        if (expression.Any(c => c is (< ' ' and not ('\t' or '\n')) or > '~'))
            throw new FilterException(expression, "has a character that no expression has: write it in ASCII");
        if (FilterWords.FirstName(expression) is { } name)
        {
            throw new FilterException(
                expression,
                $"has the name '{(name.Length > LongestName ? $"{name[..LongestName]}…" : name)}', and names are not looked up: "
                + "write its address, as in 'host 10.0.0.1' (pcap-filter(7) has the words that mean something)");
        }

        sock_filter[] program = Instructions(expression);
        // protochain makes a loop; the others ask for what is beside a frame, and mean the capturing host's side of it.
        if (!BpfMachine.IsSound(program))
        {
            throw new FilterException(
                expression,
                $"makes a program that cannot be used here ({program.Length} instructions): "
                + "do without protochain, inbound, outbound and ifindex, or make it shorter");
        }

        return new FrameFilter(expression, program);
    }

    /// <summary>Whether it is written alike and means the same, so that nothing changes when one takes the other's place.</summary>
    public bool Equals(FrameFilter? other) => other is not null && (ReferenceEquals(this, other)
        || (Expression == other.Expression && _program.AsSpan().SequenceEqual(other._program)));

    public override bool Equals(object? obj) => Equals(obj as FrameFilter);

    public override int GetHashCode() => Expression.GetHashCode(StringComparison.Ordinal);

    /// <param name="frame">From the Ethernet header on, with its VLAN tag in its place.</param>
    /// <param name="length">The bytes of the whole frame.</param>
    internal unsafe bool Matches(byte* frame, int length) => BpfMachine.Run(_program, frame, length) != 0;

    /// <summary>
    /// Adds the instructions to a program for the kernel. Of a frame that is wanted they go on behind themselves. So they do where a VLAN
    /// tag travels beside the frame, out of their sight: it is judged later, when the tag is in its place.
    /// </summary>
    internal void AppendTo(List<sock_filter> program)
    {
        program.Add(new(BPF_LD_W_ABS, 0, 0, VlanTagPresentOffset));
        program.Add(new(BPF_JMP_JEQ_K, 1, 0, 0));
        program.Add(new(BPF_JMP_JA, 0, 0, (uint)_program.Length));
        for (int i = 0; i < _program.Length; i++)
        {
            bool accepts = _program[i] is { code: BPF_RET_K, k: > 0 };
            program.Add(accepts ? new(BPF_JMP_JA, 0, 0, (uint)(_program.Length - i - 1)) : _program[i]);
        }
    }

    private static unsafe sock_filter[] Instructions(string expression)
    {
        try
        {
            using BpfProgram compiled = BpfProgram.Create(LinkLayers.Ethernet, expression, netmask: NetmaskUnknown);
            var program = (bpf_program*)compiled.DangerousGetHandle();
            return new ReadOnlySpan<sock_filter>(program->bf_insns, (int)program->bf_len).ToArray();
        }
        catch (PcapException e)
        {
            throw new FilterException(expression, $"is not understood: {e.Message.TrimEnd()} (libpcap; pcap-filter(7) has the language)");
        }
    }
}
