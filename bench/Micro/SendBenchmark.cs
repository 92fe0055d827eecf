using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using HostAgent.Interop;
using HostAgent.Lab;
using HostAgent.Pipeline;
using static HostAgent.Interop.SysSocket;

namespace HostAgent.Bench.Micro;

/// <summary>
/// From the ring through the send call, per frame, and the send call alone with datagrams of the same number and size: the difference is
/// the agent's own work.
/// </summary>
public unsafe class SendBenchmark
{
    private SendPath _path = null!;
    private FrameSender _sender = null!;
    private MemoryBlock _block = null!;
    private NativeSocket _socket = null!;
    private mmsghdr* _messages;
    private int _messageCount;

    [Params(FrameKind.SmallUdp, FrameKind.TcpSegment, FrameKind.SuperFrame)]
    public FrameKind Frame { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _path = new SendPath();
        _sender = _path.NewSender();
        _socket = _path.NewSocket();
        _block = FrameBlocks.Of(Frame);
        PrepareMessages();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _socket.Dispose();
        _path.Dispose();
    }

    [Benchmark(OperationsPerInvoke = FrameBlocks.Frames)]
    public void Send()
    {
        _sender.Send(_block);
        _block.Dispose();
    }

    [Benchmark(OperationsPerInvoke = FrameBlocks.Frames, Baseline = true)]
    public void SendCallAlone()
    {
        for (int sent = 0; sent < _messageCount; sent += FrameBlocks.Frames)
        {
            _ = sendmmsg(_socket.Descriptor, _messages + sent, FrameBlocks.Frames, 0);
        }
    }

    private void PrepareMessages()
    {
        (int bytes, int perFrame) = Frame switch
        {
            FrameKind.SmallUdp => (50 + 42 + 64, 1),
            FrameKind.TcpSegment => (50 + 66 + 1448, 1),
            _ => (50 + 66 + 1448, 45),
        };
        _messageCount = FrameBlocks.Frames * perFrame;
        _messages = (mmsghdr*)NativeMemory.AllocZeroed((nuint)_messageCount, (nuint)sizeof(mmsghdr));
        var parts = (iovec*)NativeMemory.AllocZeroed((nuint)_messageCount, (nuint)sizeof(iovec));
        byte* datagram = (byte*)NativeMemory.AllocZeroed((nuint)bytes);
        datagram[12] = 8;
        for (int i = 0; i < _messageCount; i++)
        {
            parts[i] = new iovec { iov_base = datagram, iov_len = (nuint)bytes };
            _messages[i].msg_hdr.msg_iov = parts + i;
            _messages[i].msg_hdr.msg_iovlen = 1;
        }
    }
}
