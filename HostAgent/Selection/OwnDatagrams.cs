using System.IO.Hashing;
using HostAgent.Frames;

namespace HostAgent.Selection;

/// <summary>
/// Knows the agent's own datagrams when a bridge floods them onto captured links on their way to the sensor: sending those again would
/// never end. Addresses and ports prove nothing, since any pod can write them. So the first frame that looks like one is delivered and
/// makes the agent remember what it sends, for a while after the last such frame; from then on a frame is its own only if it is a copy of
/// one that was sent. Nothing is remembered, and nothing costs time, on a node where no such frame is seen. One thread.
/// </summary>
internal sealed unsafe class OwnDatagrams(CopyTable sent, FloodTable floods)
{
    /// <summary>Nanoseconds after the last sighting; a bridge forgets the sensor's MAC for minutes at a time.</summary>
    private const long Vigilance = 10_000_000_000;


    private readonly XxHash3 _hash = KeyedHash.NewStream();
    private long _sighted = long.MinValue / 2;

    /// <summary>Nanoseconds, of the clock that frames have: the frame's that is being sent.</summary>
    public long Now { private get; set; }

    /// <summary>Whether what is sent must be told of.</summary>
    public bool Watching => Now - _sighted < Vigilance;

    /// <summary>A datagram is about to be sent.</summary>
    /// <param name="vni">0 to 2^24-1.</param>
    /// <param name="first">The start of the inner frame.</param>
    /// <param name="rest">What follows.</param>
    public void Sent(uint vni, Bytes first, Bytes rest) => sent.Add(Key(vni, first, rest), Now);

    /// <summary>Whether a frame that looks like the agent's own datagram is a copy of one.</summary>
    /// <param name="frame">UDP that goes to a pod, with the tunnel's addresses and ports.</param>
    /// <param name="layout">Its headers.</param>
    /// <param name="link">The ifindex where it was captured.</param>
    public bool Explains(in Frame frame, in FrameLayout layout, int link)
    {
        _sighted = frame.Timestamp;
        int payload = layout.Transport + UdpHeader.Length, end = frame.Length;
        int size = frame.Offload.Segmentation == SegmentationKind.Udp ? frame.Offload.SegmentSize : end - payload;
        if (layout.Fragment || size <= Vxlan.HeaderLength || end <= payload) return false;
        bool own = true;
        for (; payload < end; payload += size) own &= IsCopy(frame.Start + payload, Math.Min(size, end - payload), link, frame.Timestamp);
        return own;
    }

    private bool IsCopy(byte* vxlan, int length, int link, long now)
    {
        if (length <= Vxlan.HeaderLength || BigEndian.Read32(vxlan) != Vxlan.VniPresent || vxlan[7] != 0) return false;
        ulong key = Key(BigEndian.Read32(vxlan + 4) >> 8, new Bytes(vxlan + Vxlan.HeaderLength, length - Vxlan.HeaderLength), default);
        if (floods.Explains(key, link, now)) return true;
        if (!sent.Spend(key, now)) return false;
        floods.Open(key, link, origin: null, now);
        return true;
    }

    private ulong Key(uint vni, Bytes first, Bytes rest)
    {
        _hash.Append(new ReadOnlySpan<byte>(first.Start, first.Length));
        if (rest.Length > 0) _hash.Append(new ReadOnlySpan<byte>(rest.Start, rest.Length));
        ulong hash = _hash.GetCurrentHashAsUInt64();
        _hash.Reset();
        return KeyedHash.Mix(hash, ~(ulong)vni);
    }
}
