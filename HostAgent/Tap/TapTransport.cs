using HostAgent.Frames;
using HostAgent.Policy;
using HostAgent.Tunnel;

namespace HostAgent.Tap;

/// <summary>Brings frames to the tap's sinks with nothing around them, so that they are cut and finished as for any sensor.</summary>
internal sealed unsafe class TapTransport(TapBatch batch) : Transport(new SensorPolicy())
{
    public override int HeaderLength => 0;

    public override int MaxInnerFrame => Vxlan.LongestInnerFrame;

    public override SendBatch BatchOf(uint flowHash) => batch;

    public override void Flush() => batch.Flush();

    public override void Dispose() => batch.Dispose();

    protected override void WriteWhole(SendBatch to, uint vni, uint flowHash, byte* frame, int length) => to.Add(new Bytes(frame, length));

    protected override void WriteSegment(
        SendBatch to, uint vni, uint flowHash, byte* header, int innerHeaderLength, byte* payload, int payloadLength, ulong? sum) =>
        to.Add(new Bytes(header, innerHeaderLength), new Bytes(payload, payloadLength));
}
