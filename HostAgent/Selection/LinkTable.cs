namespace HostAgent.Selection;

/// <summary>The captured links by ifindex: an immutable open-addressing table, since it is asked once per frame.</summary>
internal sealed class LinkTable
{
    private readonly MirroredLink?[] _slots;

    public LinkTable(IReadOnlyCollection<MirroredLink> links)
    {
        Links = links;
        HasSeveral = links.Count > 1;
        int size = 8;
        while (size < links.Count * 2) size *= 2;
        _slots = new MirroredLink?[size];
        foreach (MirroredLink link in links)
        {
            int at = link.Index & (size - 1);
            while (_slots[at] is not null) at = (at + 1) & (size - 1);
            _slots[at] = link;
        }
    }

    public IReadOnlyCollection<MirroredLink> Links { get; }

    /// <summary>Whether a frame can have a copy on another captured link.</summary>
    public bool HasSeveral { get; }

    public MirroredLink? Find(int ifindex)
    {
        MirroredLink?[] slots = _slots;
        for (int at = ifindex; ; at++)
        {
            // Half the slots are empty, so the search ends.
            MirroredLink? link = slots[at & (slots.Length - 1)];
            if (link is null || link.Index == ifindex) return link;
        }
    }
}
