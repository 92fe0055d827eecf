using HostAgent.Frames;
using static HostAgent.Interop.LinuxIfEther;

namespace HostAgent.Selection;

/// <summary>
/// Knows a frame that goes to a pod as a copy of one that entered from another captured link of the same VNI a moment ago. It goes by the
/// frame, not by the flow: each frame that entered explains one copy of it, so whoever sends into a known flow, or the same frame once
/// more, is seen. What was translated or encapsulated on its way is another view and is kept; what a network policy dropped was seen from
/// its sender. A bridge makes several copies of what it floods: one for each of its ports. Whatever cannot be explained is delivered.
/// </summary>
internal sealed unsafe class DuplicateFilter
{
    private const byte GroupAddress = 1;

    private readonly CopyTable _entered = new();
    private readonly FloodTable _floods = new();

    public DuplicateFilter() => OwnDatagrams = new OwnDatagrams(_entered, _floods);

    /// <summary>The agent's own datagrams, which can come back as floods do.</summary>
    public OwnDatagrams OwnDatagrams { get; }

    /// <summary>A frame from a pod is about to be delivered: it explains a copy.</summary>
    public void Entered(in Frame frame, in FrameLayout layout, MirroredLink link) =>
        _entered.Add(new FrameIdentity(frame, layout, link.Vni), link.Index, frame.Timestamp);

    /// <summary>Whether this frame, which goes to a pod, is a copy of one that has been delivered.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="layout">Its headers.</param>
    /// <param name="link">Where it was captured.</param>
    /// <param name="podMac">The MAC that the pod sends from, as <see cref="FrameParser.MacAt"/> reads it; 0 when that is not known.</param>
    public bool IsDuplicate(in Frame frame, in FrameLayout layout, MirroredLink link, ulong podMac)
    {
        var copy = new FrameIdentity(frame, layout, link.Vni);
        bool flooded = link.Bridge != 0 && frame.Length >= ETH_HLEN
            && ((frame.Start[0] & GroupAddress) != 0 || FrameParser.MacAt(frame.Start) != podMac);
        if (!flooded) return _entered.Spend(copy, link.Index, frame.Timestamp) is not null;

        ulong key = FloodKey(frame, copy, link.Bridge);
        if (_floods.Explains(key, link.Index, frame.Timestamp)) return true;
        ushort? origin = _entered.Spend(copy, link.Index, frame.Timestamp);
        _floods.Open(key, link.Index, origin, frame.Timestamp);
        return origin is not null;
    }

    private static ulong FloodKey(in Frame frame, in FrameIdentity copy, int bridge)
    {
        ulong key = KeyedHash.Mix(FrameParser.MacAt(frame.Start), FrameParser.MacAt(frame.Start + 6));
        key = KeyedHash.Mix(key, ((ulong)bridge << 32) | copy.Checksum);
        for (int i = 0; i < copy.Count; i++) key = KeyedHash.Mix(key, copy.Key(i));
        return key;
    }
}
