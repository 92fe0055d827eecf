using HostAgent.Filters;
using HostAgent.Frames;
using static HostAgent.Interop.LinuxFilter;

namespace HostAgent.Capture;

/// <summary>
/// The kernel filter that accepts the frames of chosen links: a binary search on the ifindex, so that an uncaptured frame of a node with
/// 250 pods costs eight comparisons. Each leaf decides for its own link, which is where a program for that link alone can be put.
/// </summary>
internal static class LinkFilter
{
    /// <summary>What accepts all of a frame.</summary>
    public const uint WholeFrame = uint.MaxValue;

    /// <summary>Accepts nothing: before a link is captured, and while draining.</summary>
    public static sock_filter[] Nothing { get; } = [new(BPF_RET_K, 0, 0, 0)];

    /// <summary>Accepts everything: the last rung, for when a program by link does not fit the kernel's limits.</summary>
    public static sock_filter[] Everything { get; } = [new(BPF_RET_K, 0, 0, WholeFrame)];

    /// <summary>The program for these links; null when it would exceed <see cref="MaxInstructions"/>.</summary>
    /// <param name="ifindexes">The links.</param>
    /// <param name="filter">Which of their frames are wanted; null for all.</param>
    /// <param name="endsOnly">The flows of which hardly anything is accepted but their ends; none, or null.</param>
    /// <param name="headsOnly">Of which flows only the heads are accepted.</param>
    public static sock_filter[]? For(
        ReadOnlySpan<int> ifindexes, FrameFilter? filter = null, IReadOnlyCollection<LinkFlow>? endsOnly = null,
        params ReadOnlySpan<LinkParts> headsOnly)
    {
        if (ifindexes.IsEmpty) return Nothing;
        int[] sorted = ifindexes.ToArray();
        Array.Sort(sorted);
        var program = new List<sock_filter>(1 + (5 * sorted.Length)) { new(BPF_LD_W_ABS, 0, 0, IfindexOffset) };
        var accepting = new Dictionary<int, int>(sorted.Length);
        Search(program, sorted, accepting);
        var whole = new List<int>();
        var chosen = new Dictionary<int, (uint[] EndsOnly, ulong HeadsOnly)>();
        foreach (IGrouping<int, LinkFlow> flows in (endsOnly ?? []).GroupBy(flow => flow.Link))
        {
            if (accepting.ContainsKey(flows.Key)) chosen[flows.Key] = ([.. flows.Select(flow => flow.Hash)], 0);
        }

        foreach (LinkParts flows in headsOnly)
        {
            if (!accepting.ContainsKey(flows.Link) || flows.Parts == 0) continue;
            (uint[] ends, _) = chosen.GetValueOrDefault(flows.Link, ([], 0));
            chosen[flows.Link] = (ends, flows.Parts);
            if (flows.Parts != ulong.MaxValue) continue;
            whole.Add(flows.Link);
            chosen.Remove(flows.Link);
        }

        if (filter is null)
        {
            foreach (int link in whole) program[accepting[link]] = new(BPF_RET_K, 0, 0, FlowPart.HeadBytes);
            foreach (int link in chosen.Keys) Land(program, accepting[link]);
            if (chosen.Count > 0) FlowPartFilter.Append(program, chosen);
        }
        else
        {
            // Once for all links: what is wanted goes on behind it.
            foreach (int leaf in accepting.Values) Land(program, leaf);
            filter.AppendTo(program);
            AppendHeads(program, whole);
            if (chosen.Count > 0) FlowPartFilter.Append(program, chosen);
            else program.Add(new(BPF_RET_K, 0, 0, WholeFrame));
        }

        return program.Count <= MaxInstructions ? [.. program] : null;
    }

    /// <summary>
    /// Makes the instruction at <paramref name="jump"/> a jump to the next one to be added: a conditional one reaches 255 instructions
    /// only.
    /// </summary>
    public static void Land(List<sock_filter> program, int jump) => program[jump] = new(BPF_JMP_JA, 0, 0, (uint)(program.Count - jump - 1));

    /// <summary>Accepts the heads of all frames of these links; those of others go on.</summary>
    private static void AppendHeads(List<sock_filter> program, List<int> links)
    {
        if (links.Count > 0) program.Add(new(BPF_LD_W_ABS, 0, 0, IfindexOffset));
        foreach (int link in links)
        {
            program.Add(new(BPF_JMP_JEQ_K, 0, 1, (uint)link));
            program.Add(new(BPF_RET_K, 0, 0, FlowPart.HeadBytes));
        }
    }

    private static void Search(List<sock_filter> program, ReadOnlySpan<int> sorted, Dictionary<int, int> accepting)
    {
        if (sorted.Length == 1)
        {
            program.Add(new(BPF_JMP_JEQ_K, 0, 1, (uint)sorted[0]));
            accepting[sorted[0]] = program.Count;
            program.Add(new(BPF_RET_K, 0, 0, WholeFrame));
            program.Add(new(BPF_RET_K, 0, 0, 0));
            return;
        }

        // The far half may be further away than a conditional jump reaches.
        int middle = sorted.Length / 2;
        program.Add(new(BPF_JMP_JGE_K, 0, 1, (uint)sorted[middle]));
        int jump = program.Count;
        program.Add(default);
        Search(program, sorted[..middle], accepting);
        Land(program, jump);
        Search(program, sorted[middle..], accepting);
    }
}
