using HostAgent.Frames;
using HostAgent.Policy;
using HostAgent.Selection;

namespace HostAgent.Tunnel;

/// <summary>
/// The seam to a way of bringing datagrams to one sensor. A shard has its own transports and is alone in using them. What differs is which
/// headers the agent writes itself, which sockets there are, and what happens to a frame that does not fit.
/// </summary>
/// <param name="policy">Ports.</param>
internal abstract unsafe class Transport(SensorPolicy policy) : IDisposable
{
    /// <summary>So few milliseconds that a reader which makes room again does not notice.</summary>
    public const int Soon = 5;

    /// <summary>Is told of each datagram while it watches; null for nobody.</summary>
    public OwnDatagrams? Witness { private get; set; }

    /// <summary>Bytes that this transport puts before each inner frame.</summary>
    public abstract int HeaderLength { get; }

    /// <summary>The longest inner frame that reaches the sensor in one piece.</summary>
    public abstract int MaxInnerFrame { get; }

    /// <summary>Whether the sensor takes frames at the moment.</summary>
    public virtual bool IsOpen => true;

    /// <summary>
    /// Milliseconds after which <see cref="Flush"/> is to be called, though nothing was added; <see cref="Soon"/> when what was added
    /// waits, and <see cref="int.MaxValue"/> for never.
    /// </summary>
    public virtual int FlushWithin => int.MaxValue;

    /// <summary>Whether the frame's flow is given up, since the sensor is too slow for all of them.</summary>
    /// <param name="part">The part of all flows that it belongs to.</param>
    /// <param name="cost">What it costs the sensor.</param>
    public virtual bool GivesUp(int part, long cost) => false;

    /// <summary>
    /// How large the segments are that a super-frame leaves as. Datagrams have their size from their sender. A TCP segment may be cut
    /// smaller than the wire's, so that it fits; or, where the policy allows it, some of the wire's stay together, whole ones, so that the
    /// borders which the sensor sees are real.
    /// </summary>
    /// <param name="offload">The super-frame's.</param>
    /// <param name="headerLength">Bytes that each segment repeats.</param>
    /// <returns>Bytes of payload; 0 or less when not one fits.</returns>
    public int SegmentSize(in FrameOffload offload, int headerLength)
    {
        int wire = offload.SegmentSize;
        if (offload.Segmentation == SegmentationKind.Udp) return wire;
        SegmentLimit limit = policy.Segments;
        int room = (limit == SegmentLimit.Wire ? MaxInnerFrame : Math.Min(MaxInnerFrame, limit.Bytes)) - headerLength;
        return room < wire ? room : limit == SegmentLimit.Wire ? wire : room - (room % wire);
    }

    /// <summary>Whether datagrams may leave from this source port.</summary>
    public bool SendsFrom(ushort port) => (uint)(port - policy.FirstSourcePort) < (uint)policy.SourcePortCount;

    /// <summary>Whether so many segments of equal length, one after the other, leave with one send.</summary>
    /// <param name="count">At least 1.</param>
    /// <param name="length">Of the inner frame, in bytes.</param>
    public virtual bool LeaveTogether(int count, int length) => false;

    /// <summary>The batch that all datagrams of a flow go through.</summary>
    public abstract SendBatch BatchOf(uint flowHash);

    /// <summary>Adds a frame as it lies in memory, with room before it. It goes out as IP fragments when it does not fit.</summary>
    /// <param name="batch">From <see cref="BatchOf"/>.</param>
    /// <param name="vni">0 to 2^24-1.</param>
    /// <param name="flowHash">Chooses the source port.</param>
    /// <param name="frame">At least <see cref="HeaderLength"/> bytes before it may be overwritten.</param>
    /// <param name="length">At most <see cref="Vxlan.LongestInnerFrame"/>.</param>
    public void AddWhole(SendBatch batch, uint vni, uint flowHash, byte* frame, int length)
    {
        if (Witness is { Watching: true } witness) witness.Sent(vni, new Bytes(frame, length), default);
        WriteWhole(batch, vni, flowHash, frame, length);
    }

    /// <summary>
    /// Adds a segment: headers that the caller has written <see cref="HeaderLength"/> bytes into <paramref name="header"/>, and payload.
    /// </summary>
    /// <param name="batch">From <see cref="BatchOf"/>.</param>
    /// <param name="vni">0 to 2^24-1.</param>
    /// <param name="flowHash">Chooses the source port.</param>
    /// <param name="header">From <see cref="SendBatch.Header"/>; the outer headers are written at its start.</param>
    /// <param name="innerHeaderLength">Bytes of inner headers.</param>
    /// <param name="payload">The rest of the segment, anywhere in memory.</param>
    /// <param name="payloadLength">Its bytes.</param>
    /// <param name="sum">Of the inner headers and the payload (<see cref="InternetChecksum"/>), where it is known.</param>
    public void AddSegment(
        SendBatch batch, uint vni, uint flowHash, byte* header, int innerHeaderLength, byte* payload, int payloadLength, ulong? sum)
    {
        if (Witness is { Watching: true } witness)
        {
            witness.Sent(vni, new Bytes(header + HeaderLength, innerHeaderLength), new Bytes(payload, payloadLength));
        }

        WriteSegment(batch, vni, flowHash, header, innerHeaderLength, payload, payloadLength, sum);
    }

    /// <summary>
    /// Sends a frame that is no pod's, beside all batches and so beside the ledger. To be called when nothing was added since the last
    /// <see cref="Flush"/>.
    /// </summary>
    /// <param name="vni">0 to 2^24-1.</param>
    /// <param name="flowHash">Chooses the source port.</param>
    /// <param name="frame">At least <see cref="HeaderLength"/> bytes before it may be overwritten.</param>
    /// <param name="length">Of the frame, in bytes.</param>
    /// <returns>Whether it went: the kernel took it, or, of a stream, it stands before the next record.</returns>
    public bool SendBeside(uint vni, uint flowHash, byte* frame, int length)
    {
        if (!IsOpen || length > MaxInnerFrame) return false;
        if (Witness is { Watching: true } witness) witness.Sent(vni, new Bytes(frame, length), default);
        return WriteBeside(vni, flowHash, frame, length);
    }

    /// <summary>Sends all that was added.</summary>
    public abstract void Flush();

    public abstract void Dispose();

    /// <summary>What <see cref="AddWhole"/> does.</summary>
    protected abstract void WriteWhole(SendBatch batch, uint vni, uint flowHash, byte* frame, int length);

    /// <summary>What <see cref="AddSegment"/> does.</summary>
    protected abstract void WriteSegment(
        SendBatch batch, uint vni, uint flowHash, byte* header, int innerHeaderLength, byte* payload, int payloadLength, ulong? sum);

    /// <summary>What <see cref="SendBeside"/> does; false where there is no such way.</summary>
    protected virtual bool WriteBeside(uint vni, uint flowHash, byte* frame, int length) => false;

    /// <summary>The source port of a flow's datagrams, where any is free for the taking.</summary>
    protected int SourcePort(uint flowHash) => policy.FirstSourcePort + Choose(flowHash, policy.SourcePortCount);

    /// <summary>Maps a flow to one of <paramref name="count"/> choices, evenly.</summary>
    protected static int Choose(uint flowHash, int count) => (int)(((ulong)flowHash * (uint)count) >> 32);
}
