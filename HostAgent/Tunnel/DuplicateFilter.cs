using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using HostAgent.Capture;

namespace HostAgent.Tunnel;

/// <summary>
/// Knows a frame that goes to a pod as one that was already delivered when it entered from another captured link of the same VNI. It goes by
/// the flow, not by the frame: addresses, protocol and ports in this direction (for fragments, addresses and IP id), so a frame that was
/// translated or encapsulated on its way is another view and is kept, and one that a network policy dropped was seen from its sender. Only a
/// flow from the pod's own address is known by that; on a bridge other frames, and those it floods, are known by their content for a second
/// and are delivered from one of its ports. The table is of fixed size: what it has forgotten is delivered twice, never lost.
/// </summary>
internal sealed unsafe class DuplicateFilter
{
    private const long FlowMemory = 60_000_000_000;
    private const long FloodMemory = 1_000_000_000;
    private const int FloodedBytes = 128;
    private const int Ways = 4;
    private const int Buckets = 1 << 14;

    // Secret, so that no pod can compute a second flow that is taken for one of its own and thus hide it.
    private static readonly ulong SecretA = Secret(), SecretB = Secret(), SecretC = Secret();

    private readonly Slot[] _slots = new Slot[Buckets * Ways];

    /// <summary>A frame from a pod is about to be delivered: copies of it that go to other pods are duplicates.</summary>
    public void Entered(in Frame frame, in FrameLayout layout, MirroredLink link)
    {
        // A pod may send from any address, and would hide the real flow by that: only its own address tells a flow. A bridge passes frames on as
        // they are, so the copies of others are known by their content.
        bool own = layout.Network != 0 && link.Addresses.HasSourceOf(frame.Start + layout.Network, layout.EtherType == FrameParser.EtherTypeIPv6);
        if (own) Remember(FlowKey(frame, layout, link.Vni), link.Index, frame.Timestamp);
        else if (link.Bridge != 0) Remember(FloodKey(frame, link), link.Index, frame.Timestamp, ContentKey(frame, 0, frame.Length));
    }

    /// <summary>Whether this frame, which goes to a pod, has been delivered from another link.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="layout">Its headers.</param>
    /// <param name="link">Where it was captured.</param>
    /// <param name="links">Those that are captured now: what entered from another one before will not be delivered from there again.</param>
    public bool IsDuplicate(in Frame frame, in FrameLayout layout, MirroredLink link, LinkTable links)
    {
        if (layout.Network != 0)
        {
            int source = Find(FlowKey(frame, layout, link.Vni), frame.Timestamp, FlowMemory).Link;
            if (source != 0 && source != link.Index && links.Find(source)?.Vni == link.Vni) return true;
        }

        if (link.Bridge == 0) return false;
        ulong flood = FloodKey(frame, link);
        Slot first = Find(flood, frame.Timestamp, FloodMemory);
        if (first.Link != 0 && first.Link != link.Index && links.Find(first.Link) is { } other && (other.Vni, other.Bridge) == (link.Vni, link.Bridge))
        {
            // What entered may have been made to look like this one where only its start is compared.
            return first.Whole == 0 || first.Whole == ContentKey(frame, 0, frame.Length);
        }

        Remember(flood, link.Index, frame.Timestamp);
        return false;
    }

    private static ulong FloodKey(in Frame frame, MirroredLink link) => ContentKey(frame, (ulong)link.Bridge << 32 | link.Vni, Math.Min(frame.Length, FloodedBytes));

    private static ulong FlowKey(in Frame frame, in FrameLayout layout, uint vni)
    {
        byte* ip = frame.Start + layout.Network;
        ulong rest = ((ulong)vni << 40) | ((ulong)layout.Protocol << 32)
            | (layout.Fragment ? layout.FragmentId : ((uint)layout.SourcePort << 16) | layout.DestinationPort);
        if (layout.EtherType == FrameParser.EtherTypeIPv4) return Mix(Mix(Unsafe.ReadUnaligned<ulong>(ip + 12), SecretA) + rest, SecretB);
        ulong source = Mix(Mix(Unsafe.ReadUnaligned<ulong>(ip + 8), SecretA) + Unsafe.ReadUnaligned<ulong>(ip + 16), SecretB);
        ulong destination = Mix(Mix(source + Unsafe.ReadUnaligned<ulong>(ip + 24), SecretC) + Unsafe.ReadUnaligned<ulong>(ip + 32), SecretA);
        return Mix(destination + rest, SecretC);
    }

    private static ulong ContentKey(in Frame frame, ulong scope, int length)
    {
        ulong key = Mix(scope + (ulong)frame.Length, SecretA);
        byte* at = frame.Start;
        for (; length >= 8; at += 8, length -= 8) key = Mix(key + Unsafe.ReadUnaligned<ulong>(at), SecretB);
        for (; length > 0; at++, length--) key = Mix(key + *at, SecretC);
        return key;
    }

    private static ulong Mix(ulong value, ulong secret)
    {
        ulong high = Math.BigMul(value ^ secret, secret | 1, out ulong low);
        return high ^ BitOperations.RotateLeft(low, 17);
    }

    private static ulong Secret() => MemoryMarshal.Read<ulong>(RandomNumberGenerator.GetBytes(8));

    private Slot Find(ulong key, long now, long memory)
    {
        ref Slot slot = ref _slots[Bucket(key)];
        for (int way = 0; way < Ways; way++, slot = ref Unsafe.Add(ref slot, 1))
        {
            if (slot.Key == key && Math.Abs(now - slot.Time) < memory) return slot;
        }

        return default;
    }

    private void Remember(ulong key, int link, long now, ulong whole = 0)
    {
        ref Slot slot = ref _slots[Bucket(key)];
        ref Slot oldest = ref slot;
        for (int way = 0; way < Ways; way++, slot = ref Unsafe.Add(ref slot, 1))
        {
            if (slot.Key == key)
            {
                oldest = ref slot;
                break;
            }

            if (slot.Time < oldest.Time) oldest = ref slot;
        }

        oldest = new Slot { Key = key, Link = link, Time = now, Whole = whole };
    }

    private static int Bucket(ulong key) => (int)(key & (Buckets - 1)) * Ways;

    private struct Slot
    {
        public ulong Key;
        public long Time;

        /// <summary>The hash of the whole frame; 0 where the key is enough.</summary>
        public ulong Whole;
        public int Link;
    }
}
