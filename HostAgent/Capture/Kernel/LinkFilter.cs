using HostAgent.Filters;
using HostAgent.Frames;
using static HostAgent.Interop.LinuxFilter;

namespace HostAgent.Capture;

/// <summary>
/// The kernel filter that accepts the frames of chosen links: a binary search on the ifindex, so that an uncaptured frame of a node with
/// 250 pods costs eight comparisons. Each leaf decides for its own link, or leads to the filter of the link's own.
/// </summary>
internal static class LinkFilter
{
    /// <summary>What accepts all of a frame.</summary>
    public const uint WholeFrame = uint.MaxValue;

    /// <summary>Accepts nothing: before a link is captured, and while draining.</summary>
    public static sock_filter[] Nothing { get; } = [new(BPF_RET_K, 0, 0, 0)];

    /// <summary>The program for these links; null when it would exceed <see cref="MaxInstructions"/>.</summary>
    /// <param name="links">Each with the filter of its own. Links with the same one share its instructions.</param>
    /// <param name="filter">Which of all their frames are wanted; null for all.</param>
    /// <param name="endsOnly">The flows of which hardly anything is accepted but their ends; none, or null.</param>
    /// <param name="headsOnly">Of which flows only the heads are accepted.</param>
    public static sock_filter[]? For(
        ReadOnlySpan<CapturedLink> links, FrameFilter? filter = null, IReadOnlyCollection<LinkFlow>? endsOnly = null,
        params ReadOnlySpan<LinkParts> headsOnly)
    {
        if (links.IsEmpty) return Nothing;
        CapturedLink[] sorted = links.ToArray();
        Array.Sort(sorted, (a, b) => a.Index.CompareTo(b.Index));
        var program = new List<sock_filter>(1 + (5 * sorted.Length)) { new(BPF_LD_W_ABS, 0, 0, IfindexOffset) };
        var accepting = new Dictionary<int, int>(sorted.Length);
        Search(program, sorted, accepting);
        var judged = new HashSet<int>(sorted.Where(link => filter is not null || link.Filter is not null).Select(link => link.Index));
        AppendFilters(program, sorted, filter, accepting);

        // What comes here is wanted, and may still be one of which the head is enough.
        var whole = new List<int>();
        var chosen = new Dictionary<int, (uint[] EndsOnly, ulong HeadsOnly)>();
        foreach (IGrouping<int, LinkFlow> flows in (endsOnly ?? []).GroupBy(flow => flow.Link))
        {
            if (accepting.ContainsKey(flows.Key)) chosen[flows.Key] = ([.. flows.Select(flow => flow.Hash)], 0);
        }

        foreach (LinkParts flows in headsOnly)
        {
            if (!accepting.TryGetValue(flows.Link, out int leaf) || flows.Parts == 0) continue;
            (uint[] ends, _) = chosen.GetValueOrDefault(flows.Link, ([], 0));
            chosen[flows.Link] = (ends, flows.Parts);
            if (flows.Parts != ulong.MaxValue) continue;
            chosen.Remove(flows.Link);
            if (judged.Contains(flows.Link)) whole.Add(flows.Link);
            else program[leaf] = new(BPF_RET_K, 0, 0, FlowPart.HeadBytes);
        }

        AppendHeads(program, whole);
        foreach (int link in chosen.Keys) if (!judged.Contains(link)) Land(program, accepting[link]);
        if (chosen.Count > 0) FlowPartFilter.Append(program, chosen);
        else if (judged.Count > 0) program.Add(new(BPF_RET_K, 0, 0, WholeFrame));
        return program.Count <= MaxInstructions ? [.. program] : null;
    }

    /// <summary>
    /// Makes the instruction at <paramref name="jump"/> a jump to the next one to be added: a conditional one reaches 255 instructions
    /// only.
    /// </summary>
    public static void Land(List<sock_filter> program, int jump) => program[jump] = new(BPF_JMP_JA, 0, 0, (uint)(program.Count - jump - 1));

    /// <summary>
    /// Each filter once, for the links that share it, and then the one for all: in turn and not as one expression, in which "vlan" would
    /// move the places that what follows it looks at. What is wanted goes on behind them.
    /// </summary>
    private static void AppendFilters(
        List<sock_filter> program, CapturedLink[] links, FrameFilter? forAll, Dictionary<int, int> accepting)
    {
        var wanted = new List<int>();
        foreach (IGrouping<FrameFilter, CapturedLink> sharing in links.Where(link => link.Filter is not null).GroupBy(link => link.Filter!))
        {
            foreach (CapturedLink link in sharing) Land(program, accepting[link.Index]);
            sharing.Key.AppendTo(program);
            wanted.Add(program.Count);
            program.Add(default);
        }

        foreach (int jump in wanted) Land(program, jump);
        if (forAll is null) return;
        foreach (CapturedLink link in links) if (link.Filter is null) Land(program, accepting[link.Index]);
        forAll.AppendTo(program);
    }

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

    private static void Search(List<sock_filter> program, ReadOnlySpan<CapturedLink> sorted, Dictionary<int, int> accepting)
    {
        if (sorted.Length == 1)
        {
            program.Add(new(BPF_JMP_JEQ_K, 0, 1, (uint)sorted[0].Index));
            accepting[sorted[0].Index] = program.Count;
            program.Add(new(BPF_RET_K, 0, 0, WholeFrame));
            program.Add(new(BPF_RET_K, 0, 0, 0));
            return;
        }

        // The far half may be further away than a conditional jump reaches.
        int middle = sorted.Length / 2;
        program.Add(new(BPF_JMP_JGE_K, 0, 1, (uint)sorted[middle].Index));
        int jump = program.Count;
        program.Add(default);
        Search(program, sorted[..middle], accepting);
        Land(program, jump);
        Search(program, sorted[middle..], accepting);
    }
}
