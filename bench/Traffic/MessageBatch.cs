using System.Runtime.InteropServices;
using static HostAgent.Interop.SysSocket;

namespace HostAgent.Bench.Traffic;

/// <summary>Messages for sendmmsg(2) and recvmmsg(2), with memory for their payload and control data.</summary>
internal sealed unsafe class MessageBatch : IDisposable
{
    private const int ControlBytes = 64;
    private readonly iovec* parts;
    private readonly byte* control;
    private readonly byte* payload;
    private readonly int size;

    /// <param name="count">Messages.</param>
    /// <param name="size">Bytes of payload of each, at most.</param>
    public MessageBatch(int count, int size)
    {
        this.size = size;
        Count = count;
        Messages = (mmsghdr*)NativeMemory.AllocZeroed((nuint)count, (nuint)sizeof(mmsghdr));
        parts = (iovec*)NativeMemory.AllocZeroed((nuint)count, (nuint)sizeof(iovec));
        control = (byte*)NativeMemory.AllocZeroed((nuint)count, ControlBytes);
        payload = (byte*)NativeMemory.AllocZeroed((nuint)count, (nuint)size);
        for (int i = 0; i < count; i++)
        {
            parts[i] = new iovec { iov_base = Payload(i), iov_len = (nuint)size };
            Messages[i].msg_hdr.msg_iov = parts + i;
            Messages[i].msg_hdr.msg_iovlen = 1;
        }
    }

    public int Count { get; }

    public mmsghdr* Messages { get; }

    public byte* Payload(int index) => payload + ((nint)index * size);

    /// <summary>Makes room for the control data that the next recvmmsg(2) is to bring.</summary>
    public void ResetControl()
    {
        for (int i = 0; i < Count; i++)
        {
            Messages[i].msg_hdr.msg_control = control + (i * ControlBytes);
            Messages[i].msg_hdr.msg_controllen = ControlBytes;
        }
    }

    public void Dispose()
    {
        NativeMemory.Free(payload);
        NativeMemory.Free(control);
        NativeMemory.Free(parts);
        NativeMemory.Free(Messages);
    }
}
