using System.Net.Sockets;
using HostAgent.Interop;

namespace HostAgent.Tests.Filters;

/// <summary>
/// The kernel's own answer for a filter program: it runs it for the datagrams of a Unix socket, and cuts them as the program says
/// (unix_dgram_sendmsg).
/// </summary>
internal sealed unsafe class KernelFilter : IDisposable
{
    private readonly TemporaryDirectory _folder = new();
    private readonly Socket _receiver = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    private readonly Socket _sender = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    private readonly byte[] _buffer = new byte[1 << 17];

    /// <exception cref="SocketException">The kernel does not take the program.</exception>
    public KernelFilter(ReadOnlySpan<LinuxFilter.sock_filter> program)
    {
        var end = new UnixDomainSocketEndPoint(_folder.File("filter"));
        _receiver.Bind(end);
        _receiver.Blocking = false;
        fixed (LinuxFilter.sock_filter* first = program)
        {
            var description = new LinuxFilter.sock_fprog { len = (ushort)program.Length, filter = first };
            _receiver.SetRawSocketOption(
                SysSocket.SOL_SOCKET, SysSocket.SO_ATTACH_FILTER, new ReadOnlySpan<byte>(&description, sizeof(LinuxFilter.sock_fprog)));
        }

        _sender.Connect(end);
    }

    /// <summary>How much of the frame is accepted: 0 to its length.</summary>
    public int Accepted(ReadOnlySpan<byte> frame)
    {
        _sender.Send(frame);
        return _receiver.Poll(0, SelectMode.SelectRead) ? _receiver.Receive(_buffer) : 0;
    }

    public void Dispose()
    {
        _sender.Dispose();
        _receiver.Dispose();
        _folder.Dispose();
    }
}
