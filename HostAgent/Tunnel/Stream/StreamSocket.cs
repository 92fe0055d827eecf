using System.Runtime.InteropServices;
using HostAgent.Interop;
using HostAgent.Sensors;
using static HostAgent.Interop.SysPoll;
using static HostAgent.Interop.SysSocket;

namespace HostAgent.Tunnel;

/// <summary>
/// One attempt to reach the reader of a stream, and the connection if it comes about: over TCP, encrypted or not. Nothing here blocks.
/// </summary>
internal sealed unsafe class StreamSocket : IDisposable
{
    private const long Patience = 5000;
    private const int LastWords = 5000;

    private readonly string _name;
    private readonly long _since;
    private readonly EncryptedSocket? _encrypted;
    private readonly NativeSocket? _socket;

    private StreamSocket(SensorEndpoint sensor, StreamSecurity? security, string name, long now)
    {
        (_name, _since) = (name, now);
        int family = NetinetIn.Family(sensor.Address);
        try
        {
            if (security is not null)
            {
                _encrypted = EncryptedSocket.Connect(sensor, security, name);
                _socket = _encrypted.Near;
                return;
            }

            _socket = NativeSocket.Open(family, SOCK_STREAM | SOCK_NONBLOCK, 0, $"to {name}");
            _socket.Set("TCP_NODELAY", NetinetIn.IPPROTO_TCP, TCP_NODELAY, 1);
            if (family == AF_INET6) _socket.Connect(NetinetIn.V6(sensor.Address, sensor.Port));
            else _socket.Connect(NetinetIn.V4(sensor.Address, sensor.Port));
            IsOpen = true;
        }
        catch (ErrnoException e)
        {
            if (e.Errno != Errno.EINPROGRESS) Refused(e.Errno);
        }
    }

    /// <summary>Begins to connect.</summary>
    /// <param name="sensor">Where to.</param>
    /// <param name="security">How it is encrypted; null for not at all.</param>
    /// <param name="name">The reader's, for messages.</param>
    /// <param name="now">Milliseconds of a clock that never goes back.</param>
    public static StreamSocket Connect(SensorEndpoint sensor, StreamSecurity? security, string name, long now) =>
        new(sensor, security, name, now);

    /// <summary>Whether it can be written to.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>Why it cannot, or not any more, in words for an operator; null while there is hope.</summary>
    public string? Problem { get; private set; }

    /// <summary>Looks how it stands.</summary>
    /// <param name="now">Milliseconds of the same clock.</param>
    public void Advance(long now)
    {
        if (Problem is not null) return;
        if (_encrypted is not null)
        {
            Problem = _encrypted.Problem;
            IsOpen = Problem is null && _encrypted.IsOpen;
            return;
        }

        if (IsOpen) return;
        var ready = new pollfd { fd = _socket!.Descriptor, events = POLLOUT };
        if (poll(&ready, 1, 0) > 0)
        {
            int errno = _socket.TakeError();
            IsOpen = errno == 0;
            if (!IsOpen) Refused(errno);
        }
        else if (now - _since > Patience)
        {
            Refused(Errno.ETIMEDOUT);
        }
    }

    /// <summary>Writes what the kernel has room for.</summary>
    /// <returns>How many bytes that is; -1 when the connection has ended, and <see cref="Problem"/> says why.</returns>
    public nint Write(iovec* parts, int count)
    {
        var message = new msghdr { msg_iov = parts, msg_iovlen = (nuint)count };
        while (true)
        {
            nint taken = sendmsg(_socket!.Descriptor, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (taken >= 0) return taken;
            int errno = Marshal.GetLastPInvokeError();
            if (errno == Errno.EINTR) continue;
            if (errno is Errno.EAGAIN or Errno.ENOBUFS or Errno.ENOMEM) return 0;
            Problem = _encrypted?.Problem ?? $"{_name} has ended the connection ({Marshal.GetPInvokeErrorMessage(errno)})";
            IsOpen = false;
            return -1;
        }
    }

    /// <summary>Writes these last words and closes, in the background where the reader is slow.</summary>
    public void CloseAfter(byte[] words)
    {
        _encrypted?.Dispose();
        if (_socket is not null && words.Length > 0) new Thread(() => WriteAndClose(_socket, words)) { IsBackground = true }.Start();
        else _socket?.Dispose();
    }

    public void Dispose()
    {
        _socket?.Dispose();
        _encrypted?.Dispose();
    }

    private static void WriteAndClose(NativeSocket socket, byte[] words)
    {
        using (socket)
        {
            var room = new pollfd { fd = socket.Descriptor, events = POLLOUT };
            long end = Environment.TickCount64 + LastWords;
            for (int written = 0; written < words.Length;)
            {
                if (poll(&room, 1, (int)Math.Max(0, end - Environment.TickCount64)) <= 0) return;
                fixed (byte* at = words)
                {
                    var part = new iovec { iov_base = at + written, iov_len = (nuint)(words.Length - written) };
                    var message = new msghdr { msg_iov = &part, msg_iovlen = 1 };
                    nint taken = sendmsg(socket.Descriptor, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
                    if (taken < 0 && Marshal.GetLastPInvokeError() is not (Errno.EAGAIN or Errno.EINTR)) return;
                    written += (int)Math.Max(0, taken);
                }
            }
        }
    }

    private void Refused(int errno) => Problem =
        $"{_name} cannot be connected to ({Marshal.GetPInvokeErrorMessage(errno)}); see that its reader listens there, "
        + "and that a NetworkPolicy lets the node in";
}
