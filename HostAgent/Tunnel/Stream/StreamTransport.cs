using HostAgent.Accounts;
using HostAgent.Frames;
using HostAgent.Policy;
using HostAgent.Sensors;

namespace HostAgent.Tunnel;

/// <summary>
/// For a sensor that reads a stream: frames as records of a capture file, over TCP. A record is as long as its frame, whatever the MTU of
/// the sensor's link, so nothing is fragmented.
/// </summary>
internal sealed unsafe class StreamTransport : Transport
{
    private const int WhileConnecting = 20, WhileOpen = 100;

    private readonly RecordFormat _format;
    private readonly StreamBatch _batch;
    private readonly OuterHeaders? _outer;

    /// <param name="connection">Shared by the transports of all shards to this sensor.</param>
    /// <param name="sensor">Where to.</param>
    /// <param name="policy">Format, encapsulation, ports.</param>
    /// <param name="ledger">The shard's.</param>
    /// <param name="shard">The shard's number.</param>
    public StreamTransport(StreamConnection connection, SensorEndpoint sensor, SensorPolicy policy, ShardLedger ledger, int shard)
        : base(policy)
    {
        _format = RecordFormat.Of(policy.Format);
        _batch = new StreamBatch(connection, _format, ledger, shard);
        if (policy.Encapsulation == StreamEncapsulation.Vxlan) _outer = new OuterHeaders(sensor, Vxlan.Port);
    }

    public override int HeaderLength => _format.HeaderLength + (_outer?.Length ?? 0);

    public override int MaxInnerFrame => Vxlan.LongestInnerFrame;

    public override bool IsOpen => _batch.IsOpen;

    public override int FlushWithin => _batch.Waits ? Soon : _batch.IsOpen ? WhileOpen : WhileConnecting;

    public override SendBatch BatchOf(uint flowHash) => _batch;

    public override bool GivesUp(int part, long cost)
    {
        _batch.Part = part;
        return _batch.Load.GivesUp(part, cost);
    }

    public override void Flush()
    {
        _batch.Flush();
        _batch.Advance();
    }

    public override void Dispose()
    {
        _batch.Dispose();
        _outer?.Dispose();
    }

    protected override bool WriteBeside(uint vni, uint flowHash, byte* frame, int length)
    {
        int outer = _outer?.Length ?? 0;
        _outer?.Write(frame - outer, vni, SourcePort(flowHash), length, _outer.V6 ? InternetChecksum.Add(0, frame, length) : null);
        return _batch.WriteBeside(vni, new ReadOnlySpan<byte>(frame - outer, outer + length));
    }

    protected override void WriteWhole(SendBatch batch, uint vni, uint flowHash, byte* frame, int length)
    {
        byte* at = frame - HeaderLength;
        _outer?.Write(
            at + _format.HeaderLength, vni, SourcePort(flowHash), length, _outer.V6 ? InternetChecksum.Add(0, frame, length) : null);
        _batch.AddRecord(at, HeaderLength - _format.HeaderLength + length, default);
    }

    protected override void WriteSegment(
        SendBatch batch, uint vni, uint flowHash, byte* header, int innerHeaderLength, byte* payload, int payloadLength, ulong? sum)
    {
        if (_outer is { V6: true } && sum is null)
        {
            sum = InternetChecksum.Add(0, header + HeaderLength, innerHeaderLength);
            sum = InternetChecksum.AddAfter(sum.Value, innerHeaderLength, payload, payloadLength);
        }

        _outer?.Write(header + _format.HeaderLength, vni, SourcePort(flowHash), innerHeaderLength + payloadLength, sum);
        _batch.AddRecord(header, HeaderLength - _format.HeaderLength + innerHeaderLength, new Bytes(payload, payloadLength));
    }
}
