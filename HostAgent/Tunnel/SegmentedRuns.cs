using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using HostAgent.Frames;
using HostAgent.Interop;
using HostAgent.Links;
using static HostAgent.Interop.LinuxIfEther;
using static HostAgent.Interop.LinuxIfPacket;
using static HostAgent.Interop.LinuxVirtioNet;
using static HostAgent.Interop.NetinetIn;
using static HostAgent.Interop.SysSocket;

namespace HostAgent.Tunnel;

/// <summary>
/// Hands the kernel a long run of equal datagrams at once, to be cut on the way to the sensor's link: a third cheaper than one send for
/// each, and a sniffer sees no difference. Two things make it right. The kernel leaves cutting to a link's driver, which on a veth means to
/// nobody, except when the whole is longer than the link allows (gso_features_check() in net/core/dev.c): only such runs are sent. And it
/// leaves each datagram's checksum to the driver likewise, with the same value in all of them: only datagrams whose checksums are the same
/// go together. The segments of a super-frame are such, for an inner packet with a valid checksum of its own adds a constant to the outer
/// sum (the local checksum offload of Documentation/networking/checksum-offloads.rst).
/// </summary>
internal sealed unsafe class SegmentedRuns : IDisposable
{
    private const int MostBytes = 128 << 10;

    /// <summary>
    /// A longer datagram costs so much for its bytes that sharing a send saves nothing. And it would cost: taps see what the kernel cuts on
    /// its way out, too, and on lo the sensor's own tap copies it once more.
    /// </summary>
    private const int LongestInRun = 16 << 10;

    private const long LookEvery = 1000;
    private const long PauseAfterFailure = 10_000;

    private readonly NativeSocket _socket;
    private readonly string _link;
    private readonly int _limit;
    private readonly bool _v6;
    private readonly int _headers;
    private readonly ulong _pseudoSum;
    private readonly iovec* _parts;
    private readonly virtio_net_hdr* _offload;
    private readonly mmsghdr* _message;
    private ushort _checksum;
    private bool _usable;
    private long _nextLook;

    private SegmentedRuns(NativeSocket socket, Link link, bool v6, ulong pseudoSum)
    {
        _socket = socket;
        _link = link.Name;
        _limit = link.MaxOffload;
        _v6 = v6;
        _headers = ETH_HLEN + IpHeader.Length(v6) + UdpHeader.Length;
        _pseudoSum = pseudoSum;
        _parts = (iovec*)NativeMemory.AllocZeroed(1 + (2 * NetinetUdp.MaxSegments), (nuint)sizeof(iovec));
        _offload = (virtio_net_hdr*)NativeMemory.AllocZeroed((nuint)sizeof(virtio_net_hdr));
        _message = (mmsghdr*)NativeMemory.AllocZeroed((nuint)sizeof(mmsghdr));
    }

    /// <summary>For the datagrams of one transport; null where the kernel would not cut them, or a driver beyond the link might.</summary>
    /// <param name="link">The sensor's.</param>
    /// <param name="v6">The outer headers' family.</param>
    /// <param name="pseudoSum">The sum of the pseudo-header's addresses and protocol.</param>
    /// <exception cref="ErrnoException">The link is gone (ENODEV), or CAP_NET_RAW is missing (EPERM).</exception>
    public static SegmentedRuns? For(Link link, bool v6, ulong pseudoSum)
    {
        if (!OperatingSystem.IsOSPlatformVersionAtLeast("linux", 6, 8) || !(link.Kind == "veth" || link.Loopback)) return null;
        NativeSocket socket = NativeSocket.Open(AF_PACKET, SOCK_RAW, 0, $"to the sensor's link {link.Name}, with offload");
        try
        {
            socket.Set("PACKET_VNET_HDR", SOL_PACKET, PACKET_VNET_HDR, 1);
            socket.Set("SO_SNDTIMEO", SOL_SOCKET, SO_SNDTIMEO, new timeval { tv_usec = 100_000 });
            socket.Bind(new sockaddr_ll { sll_family = AF_PACKET, sll_ifindex = link.Index });
            return new SegmentedRuns(socket, link, v6, pseudoSum);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Whether so many equal datagrams are longer than the link takes uncut, so that they can be sent as one.</summary>
    /// <param name="count">At least 1.</param>
    /// <param name="payload">Of the UDP datagram, in bytes.</param>
    public bool Reaches(int count, int payload) => payload <= LongestInRun && (count * payload) + _headers >= _limit;

    /// <summary>Looks for the first run that can be sent as one.</summary>
    /// <param name="messages">Datagrams of up to two parts, the first of which holds all outer headers; others belong to no run.</param>
    /// <param name="count">How many.</param>
    /// <param name="run">Its datagrams; 0 when there is none.</param>
    /// <returns>How many datagrams are before it.</returns>
    public int Find(mmsghdr* messages, int count, out int run)
    {
        run = 0;
        for (int start = 0, end; start < count; start = end)
        {
            nuint length = Length(messages + start);
            for (end = start + 1; end < count && Length(messages + end) == length; end++) { }

            int payload = (int)length - _headers;
            if (payload <= 0 || !Reaches(end - start, payload) || !IsUsable()) continue;
            int least = (_limit - _headers + payload - 1) / payload;
            int most = Math.Min(NetinetUdp.MaxSegments, MostBytes / payload);
            if (least > most || !IsWhole(messages + start)) continue;

            // What is left over goes one by one, so two runs of just enough are better than a long one and a rest.
            int wanted = end - start >= 2 * least ? least : Math.Min(most, end - start);
            int same = Same(messages + start, wanted);
            if (same >= least)
            {
                run = same;
                return start;
            }

            end = start + same;
        }

        return count;
    }

    /// <summary>Sends the run that <see cref="Find"/> found. When it fails there is none to be found for some seconds.</summary>
    /// <returns>0, or the errno: EINVAL, EMSGSIZE or EOPNOTSUPP when nothing was sent.</returns>
    public int Send(mmsghdr* run, int count)
    {
        msghdr* first = &run->msg_hdr;
        int length = (int)Length(run);
        Unsafe.WriteUnaligned((byte*)first->msg_iov[0].iov_base + _headers - 2, _checksum);
        *_offload = new virtio_net_hdr
        {
            flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
            gso_type = VIRTIO_NET_HDR_GSO_UDP_L4,
            hdr_len = (ushort)_headers,
            gso_size = (ushort)(length - _headers),
            csum_start = (ushort)(_headers - UdpHeader.Length),
            csum_offset = UdpHeader.Checksum,
        };
        _parts[0] = new iovec { iov_base = _offload, iov_len = (nuint)sizeof(virtio_net_hdr) };
        nuint used = 1;
        for (int i = 0; i < count; i++)
        {
            msghdr* datagram = &run[i].msg_hdr;
            // The kernel repeats the first one's outer headers.
            nuint skip = i == 0 ? 0 : (nuint)_headers;
            _parts[used++] = new iovec
            {
                iov_base = (byte*)datagram->msg_iov[0].iov_base + skip,
                iov_len = datagram->msg_iov[0].iov_len - skip,
            };
            if (datagram->msg_iovlen == 2) _parts[used++] = datagram->msg_iov[1];
        }

        _message->msg_hdr = new msghdr { msg_iov = _parts, msg_iovlen = used };
        while (sendmmsg(_socket.Descriptor, _message, 1, 0) != 1)
        {
            int errno = Marshal.GetLastPInvokeError();
            if (errno == Errno.EINTR) continue;
            _usable = false;
            _nextLook = Environment.TickCount64 + PauseAfterFailure;
            return errno;
        }

        return 0;
    }

    public void Dispose()
    {
        _socket.Dispose();
        NativeMemory.Free(_parts);
        NativeMemory.Free(_offload);
        NativeMemory.Free(_message);
    }

    private static nuint Length(mmsghdr* message)
    {
        nuint length = message->msg_hdr.msg_iov[0].iov_len;
        for (nuint i = 1; i < message->msg_hdr.msg_iovlen; i++) length += message->msg_hdr.msg_iov[i].iov_len;
        return length;
    }

    /// <summary>Without tx-checksumming the kernel would finish the checksums, and take ours for a pseudo-header's sum.</summary>
    private bool IsUsable()
    {
        long now = Environment.TickCount64;
        if (now < _nextLook) return _usable;
        _nextLook = now + LookEvery;
        return _usable = LinuxEthtool.FinishesChecksums(_socket, _link);
    }

    /// <summary>A datagram that is no fragment of one.</summary>
    private bool IsWhole(mmsghdr* message)
    {
        byte* ip = (byte*)message->msg_hdr.msg_iov[0].iov_base + ETH_HLEN;
        return message->msg_hdr.msg_iovlen <= 2 && message->msg_hdr.msg_iov[0].iov_len >= (nuint)_headers
            && (_v6 ? ip[6] == IPPROTO_UDP : BigEndian.Read16(ip + 6) == IpHeader.DontFragment);
    }

    /// <summary>How many datagrams from the first on can share its headers and its checksum.</summary>
    private int Same(mmsghdr* messages, int count)
    {
        uint ports = Ports(messages);
        _checksum = Checksum(messages);
        int same = 1;
        while (same < count && IsWhole(messages + same) && Ports(messages + same) == ports && Checksum(messages + same) == _checksum)
            same++;
        return same;
    }

    private uint Ports(mmsghdr* message) =>
        Unsafe.ReadUnaligned<uint>((byte*)message->msg_hdr.msg_iov[0].iov_base + _headers - UdpHeader.Length);

    private ushort Checksum(mmsghdr* message)
    {
        iovec* parts = message->msg_hdr.msg_iov;
        byte* udp = (byte*)parts[0].iov_base + _headers - UdpHeader.Length;
        ushort written = Unsafe.ReadUnaligned<ushort>(udp + UdpHeader.Checksum);
        if (written != 0) return written;
        int rest = (int)parts[0].iov_len - (_headers - UdpHeader.Length);
        ulong sum = InternetChecksum.Add(_pseudoSum + Unsafe.ReadUnaligned<ushort>(udp + UdpHeader.DatagramLength), udp, rest);
        if (message->msg_hdr.msg_iovlen == 2) sum = InternetChecksum.AddAfter(sum, rest, (byte*)parts[1].iov_base, (int)parts[1].iov_len);
        ushort checksum = InternetChecksum.Fold(sum);
        return checksum == 0 ? (ushort)0xFFFF : checksum;
    }
}
