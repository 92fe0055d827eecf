using System.Net;
using HostAgent.Accounts;
using HostAgent.Interop;
using static HostAgent.Interop.LinuxIfEther;
using static HostAgent.Interop.LinuxIfPacket;
using static HostAgent.Interop.SysSocket;

namespace HostAgent.Capture;

/// <summary>
/// One unbound AF_PACKET socket with a TPACKET_V3 ring that all captured links share; a kernel filter by ifindex keeps the rest out.
/// A ring per link costs more memory and idle timers (docs/architecture.md says how much). The kernel clones each transmitted frame of the
/// node before it runs the filter, so a capture without links listens to no frames at all, unless it is one of a group.
/// </summary>
internal sealed unsafe class RingCapture : ICapture
{
    // Only a unit for the kernel's arithmetic: with TPACKET_V3 frames of any length follow each other within a block.
    private const int NominalFrameBytes = 2048;

    private const int BacklogSteps = 8;
    private const ushort ProtocolNone = 0xFFFF; // reserved by RFC 1701: no frame has it

    private readonly NativeSocket _socket = NativeSocket.Open(AF_PACKET, SOCK_RAW, 0, "capture ring");
    private readonly RingBlock[] _blocks;
    private readonly byte* _memory;
    private readonly nuint _length;
    private readonly Lock _statisticsLock = new();
    private readonly Lock _filterLock = new();
    private readonly SocketFilter _filter;
    private readonly KernelCounts _counts = new();
    private long _unknownOffload;
    private ushort _protocol = ProtocolNone;
    private bool _inGroup;
    private CapturedLink[] _links = [];
    private LinkParts[] _headsOnly = [];
    private LinkFlow[] _endsOnly = [];
    private int _next;
    private int _outstanding;

    /// <param name="options">The shape; <see cref="CaptureOptions.RingBytes"/> is what this capture alone takes.</param>
    /// <exception cref="ErrnoException">EPERM without CAP_NET_RAW; ENOMEM without enough contiguous memory for the blocks.</exception>
    public RingCapture(CaptureOptions options)
    {
        _filter = new SocketFilter(_socket, options.Filter);
        int count = Math.Max(2, options.RingBytes / options.BlockBytes);
        _length = (nuint)count * (nuint)options.BlockBytes;
        try
        {
            _socket.Set("PACKET_VERSION", SOL_PACKET, PACKET_VERSION, TPACKET_V3);
            _socket.Set("PACKET_VNET_HDR", SOL_PACKET, PACKET_VNET_HDR, 1);
            _socket.Set("PACKET_RX_RING", SOL_PACKET, PACKET_RX_RING, new tpacket_req3
            {
                tp_block_size = (uint)options.BlockBytes,
                tp_block_nr = (uint)count,
                tp_frame_size = NominalFrameBytes,
                tp_frame_nr = (uint)(_length / NominalFrameBytes),
                tp_retire_blk_tov = (uint)options.BlockTimeoutMilliseconds,
            });
            void* memory = SysMman.mmap(null, _length, SysMman.PROT_READ | SysMman.PROT_WRITE, SysMman.MAP_SHARED, _socket.Handle, 0);
            if (memory == SysMman.MapFailed) throw ErrnoException.Last("mmap", _socket.Subject);
            _memory = (byte*)memory;
            _socket.AttachFilter(LinkFilter.Nothing);
        }
        catch
        {
            Dispose();
            throw;
        }

        _blocks = new RingBlock[count];
        for (int i = 0; i < count; i++) _blocks[i] = new RingBlock(_memory + ((nuint)i * (nuint)options.BlockBytes), this);
    }

    /// <summary>
    /// Starts a group of captures that share the flows, by a hash that is the same for both directions, and gives its number.
    /// </summary>
    public ushort StartGroup()
    {
        EnterGroup();
        // The kernel chooses a number that no other process of this network namespace uses.
        _socket.Set("PACKET_FANOUT", SOL_PACKET, PACKET_FANOUT, (PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_UNIQUEID) << 16);
        int description;
        uint length = sizeof(int);
        if (getsockopt(_socket.Handle, SOL_PACKET, PACKET_FANOUT, &description, &length) != 0)
            throw ErrnoException.Last("getsockopt PACKET_FANOUT", _socket.Subject);
        return (ushort)description;
    }

    public void JoinGroup(ushort group)
    {
        EnterGroup();
        _socket.Set("PACKET_FANOUT", SOL_PACKET, PACKET_FANOUT, group | (PACKET_FANOUT_HASH << 16));
    }

    public bool SetLinks(ReadOnlySpan<CapturedLink> links)
    {
        lock (_filterLock)
        {
            _links = links.ToArray();
            // It never listens without the filter.
            if (_links.Length == 0) ListenTo(ProtocolNone);
            bool filtered = AttachFilter();
            if (_links.Length > 0) ListenTo(ETH_P_ALL);
            return filtered;
        }
    }

    public void NeedHeadsOnly(ReadOnlySpan<LinkParts> flows)
    {
        lock (_filterLock)
        {
            if (flows.SequenceEqual(_headsOnly)) return;
            _headsOnly = flows.ToArray();
            // Where that does not fit, all come whole.
            if (_links.Length > 0) AttachFilter();
        }
    }

    public void NeedEndsOnly(ReadOnlySpan<LinkFlow> flows)
    {
        lock (_filterLock)
        {
            if (flows.SequenceEqual(_endsOnly)) return;
            _endsOnly = flows.ToArray();
            if (_links.Length > 0) AttachFilter();
        }
    }

    public double Backlog
    {
        get
        {
            // The kernel fills the blocks in order, so one look at each of a few places tells how far it is ahead.
            for (int eighths = BacklogSteps - 1; eighths > 0; eighths--)
            {
                int ahead = _next + (_blocks.Length * eighths / BacklogSteps);
                if (_blocks[ahead < _blocks.Length ? ahead : ahead - _blocks.Length].Retired) return (double)eighths / BacklogSteps;
            }

            return 0;
        }
    }

    public FrameBlock? Next(int timeoutMilliseconds)
    {
        RingBlock block = _blocks[_next];
        if (!block.Retired)
        {
            if (timeoutMilliseconds == 0) return null;
            Wait(block, timeoutMilliseconds);
            if (!block.Retired) return null;
        }

        block.Take();
        _next = _next + 1 == _blocks.Length ? 0 : _next + 1;
        Interlocked.Increment(ref _outstanding);
        return block;
    }

    public CaptureStatistics ReadStatistics()
    {
        lock (_statisticsLock)
        {
            if (!_socket.Handle.IsClosed) _counts.Read(_socket.Handle);
            return new CaptureStatistics(_counts.Seen, _counts.Dropped, Volatile.Read(ref _unknownOffload), _counts.Overflows);
        }
    }

    public void Dispose()
    {
        if (_memory != null && !_socket.Handle.IsClosed) _ = SysMman.munmap(_memory, _length);
        _socket.Dispose();
    }

    internal void Released() => Interlocked.Decrement(ref _outstanding);

    internal void UnknownOffload() => Interlocked.Increment(ref _unknownOffload);

    private void Wait(RingBlock block, int timeoutMilliseconds)
    {
        long end = Environment.TickCount64 + timeoutMilliseconds;
        do
        {
            // poll() reports the ring readable for as long as its last retired block has not been given back, so while a block is
            // still being worked on elsewhere it would return at once, again and again.
            if (Volatile.Read(ref _outstanding) > 0)
            {
                Thread.Sleep(1);
                continue;
            }

            var descriptor = new SysPoll.pollfd { fd = _socket.Descriptor, events = SysPoll.POLLIN };
            _ = SysPoll.poll(&descriptor, 1, (int)Math.Max(0, end - Environment.TickCount64));
        }
        while (!block.Retired && Environment.TickCount64 < end);
    }

    /// <summary>
    /// Listens to all frames from now on: the kernel takes no other socket into a group, and lets none in it change what it hears.
    /// </summary>
    private void EnterGroup()
    {
        ListenTo(ETH_P_ALL);
        _inGroup = true;
    }

    private void ListenTo(ushort protocol)
    {
        if (_inGroup || _protocol == protocol) return;
        _socket.Bind(new sockaddr_ll { sll_family = AF_PACKET, sll_protocol = (ushort)IPAddress.HostToNetworkOrder((short)protocol) });
        _protocol = protocol;
    }

    private bool AttachFilter() => _filter.Attach(_links, _endsOnly, _headsOnly);
}
