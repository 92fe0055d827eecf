using System.Runtime.InteropServices;
using static HostAgent.Interop.SysSocket;

namespace HostAgent.Bench.Traffic;

/// <summary>Messages for sendmmsg(2) and recvmmsg(2), with memory for their payload and control data.</summary>
internal sealed unsafe class MessageBatch : IDisposable
{
    private const int ControlBytes = 64;
    private readonly iovec* _parts;
    private readonly byte* _control;
    private readonly byte* _payload;
    private readonly int _size;

    /// <param name="count">Messages.</param>
    /// <param name="size">Bytes of payload of each, at most.</param>
    public MessageBatch(int count, int size)
    {
        _size = size;
        Count = count;
        Messages = (mmsghdr*)NativeMemory.AllocZeroed((nuint)count, (nuint)sizeof(mmsghdr));
        _parts = (iovec*)NativeMemory.AllocZeroed((nuint)count, (nuint)sizeof(iovec));
        _control = (byte*)NativeMemory.AllocZeroed((nuint)count, ControlBytes);
        _payload = (byte*)NativeMemory.AllocZeroed((nuint)count, (nuint)_size);
        for (int i = 0; i < count; i++)
        {
            _parts[i] = new iovec { iov_base = Payload(i), iov_len = (nuint)_size };
            Messages[i].msg_hdr.msg_iov = _parts + i;
            Messages[i].msg_hdr.msg_iovlen = 1;
        }
    }

    public int Count { get; }

    public mmsghdr* Messages { get; }

    public byte* Payload(int index) => _payload + ((nint)index * _size);

    /// <summary>Makes room for the control data that the next recvmmsg(2) is to bring.</summary>
    public void ResetControl()
    {
        for (int i = 0; i < Count; i++)
        {
            Messages[i].msg_hdr.msg_control = _control + (i * ControlBytes);
            Messages[i].msg_hdr.msg_controllen = ControlBytes;
        }
    }

    public void Dispose()
    {
        NativeMemory.Free(_payload);
        NativeMemory.Free(_control);
        NativeMemory.Free(_parts);
        NativeMemory.Free(Messages);
    }
}
