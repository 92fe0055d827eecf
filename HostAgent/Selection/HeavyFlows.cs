using HostAgent.Capture;

namespace HostAgent.Selection;

/// <summary>
/// The heaviest of the flows of which nothing is wanted any more but their ends, so that the kernel can be told of them: what they cost is
/// the copying. Of fixed size; a flow that it has no place for costs more, and is judged alike. One thread.
/// </summary>
internal sealed class HeavyFlows
{
    /// <summary>The most that the kernel is told of.</summary>
    public const int Count = Sets * Ways;

    private const int Sets = 16, Ways = 4;

    // In bytes, with what a frame costs beside them; of a flow that is not listed they are forgotten in a third of a second, so this much
    // is 26 Mbit/s, or 1500 small frames a second.
    private const long Heavy = 1 << 20, Light = Heavy / 16;

    // By which part of it a weight becomes less with each look, as a shift. Of a listed flow only a few frames are seen, so it has longer.
    private const int Forgets = 4, ForgetsListed = 8;

    private readonly Slot[] _slots = new Slot[Count];
    private bool _changed;

    /// <summary>The flows that are listed; a new array whenever it changes. Those of one link may have one hash.</summary>
    public LinkFlow[] Listed { get; private set; } = [];

    /// <summary>A frame of a flow was not wanted.</summary>
    /// <param name="key">As in <see cref="FlowTable"/>.</param>
    /// <param name="flow">As the kernel knows it.</param>
    /// <param name="weight">In bytes.</param>
    public void Note(ulong key, LinkFlow flow, long weight)
    {
        Span<Slot> ways = SetOf(key);
        int lightest = 0;
        for (int i = 0; i < ways.Length; i++)
        {
            if (ways[i].Key == key)
            {
                ways[i].Weight += weight;
                return;
            }

            if (ways[i].Weight < ways[lightest].Weight) lightest = i;
        }

        // Whoever has no place wears the lightest down; so a place goes to the heavier one in the end.
        ref Slot slot = ref ways[lightest];
        slot.Weight -= weight;
        if (slot.Weight > 0) return;
        _changed |= slot.Listed;
        slot = new Slot { Key = key, Flow = flow, Weight = weight };
    }

    /// <summary>The flow has ended, or begins anew.</summary>
    public void Forget(ulong key)
    {
        foreach (ref Slot slot in SetOf(key))
        {
            if (slot.Key == key) Clear(ref slot);
        }
    }

    /// <summary>Forgets all flows of links of which whole flows are wanted.</summary>
    public void Keep(LinkTable links)
    {
        foreach (ref Slot slot in _slots.AsSpan())
        {
            if (slot.Key != 0 && links.Find(slot.Flow.Link) is not { LimitsFlows: true }) Clear(ref slot);
        }
    }

    /// <summary>Lets time pass, by one look.</summary>
    public void Age()
    {
        foreach (ref Slot slot in _slots.AsSpan())
        {
            bool listed = slot.Weight >= (slot.Listed ? Light : Heavy);
            _changed |= listed != slot.Listed;
            slot.Listed = listed;
            slot.Weight -= slot.Weight >> (listed ? ForgetsListed : Forgets);
        }

        if (!_changed) return;
        _changed = false;
        Listed = [.. _slots.Where(slot => slot.Listed).Select(slot => slot.Flow).Distinct()];
    }

    private Span<Slot> SetOf(ulong key) => _slots.AsSpan((int)((key >> 16) & (Sets - 1)) * Ways, Ways);

    private void Clear(ref Slot slot)
    {
        _changed |= slot.Listed;
        slot = default;
    }

    private struct Slot
    {
        public ulong Key;
        public LinkFlow Flow;
        public long Weight;
        public bool Listed;
    }
}
