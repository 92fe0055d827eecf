using System.Diagnostics;
using HostAgent.Accounts;
using HostAgent.Filters;
using HostAgent.Frames;
using HostAgent.Interop;
using SharpPcap;
using SharpPcap.LibPcap;
using static HostAgent.Interop.LinuxFilter;
using static HostAgent.Interop.LinuxIfPacket;
using static HostAgent.Interop.PcapPcap;

namespace HostAgent.Capture;

/// <summary>
/// One direction of one link, read through libpcap, and what it counted. libpcap does not say which way a frame went, so each direction has
/// a handle, and a kernel filter of its own. That is attached past libpcap, which would filter once more what the ring holds when its
/// filter changes, and drop it uncounted.
/// </summary>
internal sealed unsafe class PcapLink : LibPcapLiveDevice
{
    /// <summary>After so many milliseconds the kernel hands over what there is, and so it does with the last frames.</summary>
    private const int BlockTimeout = 2;

    private static readonly TimeSpan Retired = TimeSpan.FromMilliseconds(10 * BlockTimeout), Patience = TimeSpan.FromSeconds(2);

    private readonly Lock _use = new();
    private readonly bool _toPod;
    private readonly FrameFilter? _forAll;
    private readonly KernelCounts _counts = new();
    private readonly NativeSocket? _socket;
    private long _read, _missed;
    private long _closing;
    private bool _broken;
    private FrameFilter? _filter;

    // One that was read and found no room.
    private Frame _frame;
    private bool _pending;

    /// <param name="link">As libpcap lists it.</param>
    /// <param name="index">Its ifindex.</param>
    /// <param name="toPod">The direction.</param>
    /// <param name="ringBytes">The kernel's memory for it.</param>
    /// <param name="filter">Which frames are wanted of all links; null for all.</param>
    /// <exception cref="IOException">libpcap cannot open it; the message says why.</exception>
    public PcapLink(PcapInterface link, int index, bool toPod, int ringBytes, FrameFilter? filter)
        : base(link)
    {
        (Index, _toPod, _forAll) = (index, toPod, filter);
        try
        {
            Open(new DeviceConfiguration
            {
                Mode = DeviceModes.None,
                Snaplen = CopyBlock.LongestFrame,
                ReadTimeout = BlockTimeout,
                BufferSize = ringBytes,
                TimestampResolution = SharpPcap.TimestampResolution.Nanosecond,
            });
            NonBlockingMode = true;
            _socket = NativeSocket.Borrow(FileDescriptor, link.Name);
            _socket.AttachFilter(LinkFilter.Nothing);
        }
        catch (PcapException e)
        {
            Dispose();
            throw new IOException(
                $"libpcap cannot capture on {link.Name}: {e.Message}; it needs root, or in a container the capability NET_RAW", e);
        }
    }

    public int Index { get; }

    /// <summary>False when the kernel has no room for the filters, so that frames that are not wanted come along.</summary>
    public bool Filtered { get; private set; } = true;

    public int Descriptor => FileDescriptor;

    /// <summary>True from <see cref="Stop"/> on.</summary>
    public bool Closing => Volatile.Read(ref _closing) != 0;

    /// <summary>The time after which what was accepted before a filter's change is there to be read.</summary>
    public static void AwaitRetired() => Thread.Sleep(Retired);

    /// <summary>
    /// Begins to count and to accept. What came before the first filter, of either direction, is thrown away: of that the kernel counted
    /// some that libpcap never shows, since it makes the ring when the socket listens already. To be called after
    /// <see cref="AwaitRetired"/>.
    /// </summary>
    /// <param name="filter">Of this link alone.</param>
    public void Begin(FrameFilter? filter)
    {
        lock (_use)
        {
            nint header = 0, data = 0;
            while (GetNextPacketPointers(ref header, ref data) == PacketRead)
            {
            }

            _counts.Reset(_socket!.Handle);
            _filter = filter;
            Attach();
        }
    }

    /// <summary>Accepts by another filter of its own from now on.</summary>
    public void Want(FrameFilter? filter)
    {
        lock (_use)
        {
            if (Closing || _broken || Equals(filter, _filter)) return;
            _filter = filter;
            Attach();
        }
    }

    /// <summary>Accepts no more. What was accepted is still handed over.</summary>
    public void Stop()
    {
        lock (_use)
        {
            if (Closing) return;
            if (Opened && !_broken) _socket!.AttachFilter(LinkFilter.Nothing);
            Volatile.Write(ref _closing, Stopwatch.GetTimestamp());
        }
    }

    /// <summary>Copies what there is into the block; false when there was nothing.</summary>
    public bool ReadInto(CopyBlock block)
    {
        lock (_use)
        {
            bool any = false;
            while (_pending || TryRead())
            {
                if (!block.TryAdd(_frame)) return true;
                _pending = false;
                _read++;
                any = true;
            }

            return any;
        }
    }

    /// <summary>
    /// Closes it when it was stopped and all is read that the kernel accepted. What the kernel counted and libpcap does not hand over
    /// counts as dropped.
    /// </summary>
    /// <returns>True when it is closed.</returns>
    public bool TryClose()
    {
        lock (_use)
        {
            if (!_broken && (!Closing || Stopwatch.GetElapsedTime(_closing) < Retired)) return false;
            if (Opened) ReadKernel();
            long missing = _counts.Seen - _counts.Dropped - _read;
            if (missing > 0 && !_broken && Stopwatch.GetElapsedTime(_closing) < Patience) return false;
            _missed = Math.Max(0, missing);
            Dispose();
            return true;
        }
    }

    /// <summary>What was counted since <see cref="Begin"/>.</summary>
    public CaptureStatistics Read()
    {
        lock (_use)
        {
            if (Opened) ReadKernel();
            return new CaptureStatistics(_counts.Seen, _counts.Dropped + _missed, 0, _counts.Overflows);
        }
    }

    private bool TryRead()
    {
        nint header = 0, data = 0;
        if (_broken) return false;
        int result = GetNextPacketPointers(ref header, ref data);
        // Below zero the link is gone, mostly.
        _broken = result < 0;
        if (result != PacketRead) return false;
        var about = (pcap_pkthdr*)header;
        _frame = new Frame
        {
            Start = (byte*)data,
            Length = (int)about->caplen,
            Missing = (int)(about->len - about->caplen),
            LinkIndex = Index,
            ToPod = _toPod,
            Timestamp = (about->tv_sec * 1_000_000_000) + about->tv_usec,
        };
        UnfinishedChecksum.Recognise(ref _frame);
        return _pending = true;
    }

    /// <summary>
    /// Not by SharpPcap's Statistics: of struct pcap_stat it takes each count for as long as a pointer, so what the ring had no room for is
    /// lost from sight (6.3.1). libpcap reads, and so resets, the kernel's counters only when it is asked to.
    /// </summary>
    private void ReadKernel() => _counts.Read(_socket!.Handle);

    private List<sock_filter> Direction() =>
    [
        new(BPF_LD_W_ABS, 0, 0, PacketTypeOffset),
        _toPod ? new(BPF_JMP_JEQ_K, 1, 0, PACKET_OUTGOING) : new(BPF_JMP_JEQ_K, 0, 1, PACKET_OUTGOING),
        new(BPF_RET_K, 0, 0, 0),
    ];

    /// <summary>The filters in turn: see <see cref="LinkFilter"/>.</summary>
    private sock_filter[] Program(params ReadOnlySpan<FrameFilter?> filters)
    {
        List<sock_filter> program = Direction();
        foreach (FrameFilter? filter in filters) filter?.AppendTo(program);
        program.Add(new(BPF_RET_K, 0, 0, LinkFilter.WholeFrame));
        return [.. program];
    }

    private void Attach()
    {
        if (Filtered = TryAttach()) return;
        // Decided in user space then. And without the former program there may be room.
        _socket!.AttachFilter(Program());
        Filtered = TryAttach();
    }

    private bool TryAttach()
    {
        sock_filter[] program = Program(_forAll, _filter);
        if (program.Length > MaxInstructions) return false;
        try
        {
            _socket!.AttachFilter(program);
            return true;
        }
        catch (ErrnoException)
        {
            // The old one stays.
            return false;
        }
    }
}
