using static HostAgent.Interop.LinuxIfEther;

namespace HostAgent.Frames;

/// <summary>One captured frame: where it lies and what the kernel said about it.</summary>
public unsafe struct Frame
{
    private const int VlanTagLength = 4;
    private const int MacAddresses = 2 * ETH_ALEN;

    /// <summary>The first byte of the link-layer header.</summary>
    public byte* Start;

    /// <summary>Bytes at <see cref="Start"/>.</summary>
    public int Length;

    /// <summary>
    /// Bytes before <see cref="Start"/> that may be overwritten, so that headers can be put before the frame without copying it.
    /// </summary>
    public int Headroom;

    /// <summary>The ifindex of the link it was captured on.</summary>
    public int LinkIndex;

    /// <summary>True for a frame to the pod, false for one from the pod.</summary>
    public bool ToPod;

    /// <summary>Bytes that the frame had beyond <see cref="Length"/>; 0 for a whole frame.</summary>
    public int Missing;

    /// <summary>
    /// True when bytes are missing because nobody needs them (<see cref="ICapture.NeedHeadsOnly"/>), not for want of room.
    /// </summary>
    public bool HeadOnly;

    /// <summary>
    /// How many frames of the flow there are, on average, of which the kernel kept nothing for each such head
    /// (<see cref="ICapture.NeedEndsOnly"/>); 0 for a frame that was not drawn by lot.
    /// </summary>
    public int Unseen;

    /// <summary>When the kernel took it: nanoseconds of Unix time.</summary>
    public long Timestamp;

    /// <summary>The clock of <see cref="Timestamp"/>, now.</summary>
    public static long Now => (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;

    /// <summary>A VLAN tag that travels beside the frame: TPID in the upper 16 bits, TCI in the lower; 0 for none.</summary>
    public uint VlanTag;

    /// <summary>What segmentation and checksum offload left undone.</summary>
    public FrameOffload Offload;

    /// <summary>Puts <see cref="VlanTag"/> to where the wire has it (IEEE 802.1Q: behind the MAC addresses).</summary>
    /// <returns>False when there is no room for it.</returns>
    public bool TryInsertVlanTag()
    {
        if (Headroom < VlanTagLength || Length < MacAddresses) return false;
        byte* to = Start - VlanTagLength;
        Buffer.MemoryCopy(Start, to, MacAddresses, MacAddresses);
        BigEndian.Write32(to + MacAddresses, VlanTag);
        Start = to;
        Length += VlanTagLength;
        Headroom -= VlanTagLength;
        Offload = Offload with { ChecksumStart = (ushort)(Offload.ChecksumStart + (Offload.NeedsChecksum ? VlanTagLength : 0)) };
        VlanTag = 0;
        return true;
    }
}
