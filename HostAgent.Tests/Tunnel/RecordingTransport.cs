using HostAgent.Accounts;
using HostAgent.Frames;
using HostAgent.Interop;
using HostAgent.Pipeline;
using HostAgent.Policy;
using HostAgent.Tunnel;

namespace HostAgent.Tests.Tunnel;

/// <summary>
/// A transport that keeps the inner frames and sends nothing. It touches every byte that it is given and all the room that it may write to,
/// as a real one does.
/// </summary>
internal sealed unsafe class RecordingTransport : Transport
{
    private readonly ShardLedger _ledger;
    private readonly SendBatch _batch;
    private bool _disposed;

    public RecordingTransport(int maxInnerFrame, ShardLedger ledger, SegmentLimit segments = default)
        : base(new SensorPolicy { Segments = segments })
    {
        MaxInnerFrame = maxInnerFrame;
        _ledger = ledger;
        _batch = new Unsent(ledger);
    }

    public List<byte[]> Sent { get; } = [];

    /// <summary>What the agent sends of one frame.</summary>
    public static List<byte[]> SentOf(byte[] bytes, Frame frame, SegmentLimit segments = default, int maxInnerFrame = 8950) =>
        SentOf(bytes, frame, new RecordingTransport(maxInnerFrame, new ShardLedger(), segments));

    /// <summary>The same, with the account of the frame.</summary>
    public static List<byte[]> SentOf(byte[] bytes, Frame frame, RecordingTransport transport)
    {
        FrameSender sender = DamagedFrame.Sender(transport._ledger, transport);
        using var memory = new GuardedMemory(256 << 10);
        sender.Send(memory.BlockOf(bytes, frame));
        sender.Plan = ShardPlan.Nothing;
        sender.AdoptPlan();
        return transport.Sent;
    }

    /// <summary>The flow hash of the last frame.</summary>
    public uint FlowHash { get; private set; }

    /// <summary>The name of the thread that sent the last block.</summary>
    public string? SentBy { get; private set; }

    public override int HeaderLength => 50;

    public override int MaxInnerFrame { get; }

    public override SendBatch BatchOf(uint flowHash)
    {
        FlowHash = flowHash;
        return _batch;
    }

    protected override void WriteWhole(SendBatch batch, uint vni, uint flowHash, byte* frame, int length)
    {
        new Span<byte>(frame - HeaderLength, HeaderLength).Fill(0xEE);
        Sent.Add(new ReadOnlySpan<byte>(frame, length).ToArray());
    }

    protected override void WriteSegment(
        SendBatch batch, uint vni, uint flowHash, byte* header, int innerHeaderLength, byte* payload, int payloadLength, ulong? sum)
    {
        new Span<byte>(header, HeaderLength).Fill(0xEE);
        ulong actual = Sum(header + HeaderLength, innerHeaderLength, payload, payloadLength);
        if (sum is { } known) Assert.That(Checksum(known), Is.EqualTo(Checksum(actual)));
        Sent.Add([.. new ReadOnlySpan<byte>(header + HeaderLength, innerHeaderLength), .. new ReadOnlySpan<byte>(payload, payloadLength)]);
    }

    public override void Flush()
    {
        SentBy = Thread.CurrentThread.Name;
        _batch.Flush();
    }

    public override void Dispose()
    {
        // By the sender whose plan it leaves, and by the test.
        if (_disposed) return;
        _disposed = true;
        _batch.Dispose();
    }

    private static ulong Sum(byte* header, int headerLength, byte* payload, int payloadLength) =>
        InternetChecksum.AddAfter(InternetChecksum.Add(0, header, headerLength), headerLength, payload, payloadLength);

    /// <summary>Of the two zeros of ones' complement the one.</summary>
    private static ushort Checksum(ulong sum) => InternetChecksum.Fold(sum) is var checksum && checksum == 0xFFFF ? (ushort)0 : checksum;

    /// <summary>No datagram is added to it: it keeps the account of the frames only.</summary>
    private sealed class Unsent(ShardLedger ledger) : SendBatch(ledger, 0, maxMessages: 1, datagramsPerMessage: 1)
    {
        protected override void Send(SysSocket.mmsghdr* messages, int count) => throw new InvalidOperationException("datagrams were added");
    }
}
