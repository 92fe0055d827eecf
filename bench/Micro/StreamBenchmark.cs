using BenchmarkDotNet.Attributes;
using HostAgent.Accounts;
using HostAgent.Lab;
using HostAgent.Pipeline;
using HostAgent.Tunnel;

namespace HostAgent.Bench.Micro;

/// <summary>From the ring into a stream, per frame, until the reader has all of it.</summary>
public class StreamBenchmark
{
    /// <summary>In a block. So many super-frames fit where frames wait for the reader, so that none is given up.</summary>
    private const int Frames = 16;

    private SendPath _path = null!;
    private ShardLedger _ledger = null!;
    private FrameSender _sender = null!;
    private StreamTransport _transport = null!;
    private MemoryBlock _block = null!;

    [Params(FrameKind.SmallUdp, FrameKind.TcpSegment, FrameKind.SuperFrame)]
    public FrameKind Frame { get; set; }

    private protected virtual bool Encrypted => false;

    [GlobalSetup]
    public void Setup()
    {
        _path = new SendPath();
        (_sender, _transport, _ledger) = _path.NewStreamSender(Encrypted);
        _block = FrameBlocks.Of(Frame, frames: Frames);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _path.Dispose();
        if (_ledger.AddTo(LedgerSnapshot.Empty).Losses.Sum() is > 0 and long lost)
            throw new InvalidOperationException($"{lost} frames were lost: this is not the time that it takes to send them");
    }

    [Benchmark(OperationsPerInvoke = Frames)]
    public void Send()
    {
        _sender.Send(_block);
        _block.Dispose();
        while (_transport.FlushWithin == Transport.Soon) _transport.Flush();
    }
}
