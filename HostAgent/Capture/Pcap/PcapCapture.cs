using HostAgent.Accounts;
using HostAgent.Filters;
using HostAgent.Interop;
using SharpPcap;
using SharpPcap.LibPcap;

namespace HostAgent.Capture;

/// <summary>
/// Live capture through libpcap, for hosts whose kernel or sandbox gives no ring. libpcap has no words for offload: super-frames come
/// whole, and unfinished checksums are recognised, not told. Each link has handles of its own, so frames of two links are not read in the
/// order in which they passed.
/// </summary>
internal sealed unsafe class PcapCapture(CaptureOptions options) : ICapture
{
    // libpcap takes a block of 256 KiB for each unit of its buffer, and the kernel fills one while another is read.
    private const int SmallestRing = 1 << 20, LargestRing = 8 << 20;

    private readonly Lock _choice = new();
    private readonly CopyBlocks _blocks = new();
    private volatile PcapLink[] _links = [];
    private CaptureStatistics _ofClosed;
    private int _turn;

    public double Backlog => 0; // libpcap does not tell

    public bool SetLinks(ReadOnlySpan<CapturedLink> links)
    {
        lock (_choice)
        {
            var wanted = links.ToArray().ToDictionary(link => link.Index, link => link.Filter);
            foreach (PcapLink link in _links)
            {
                if (wanted.TryGetValue(link.Index, out FrameFilter? filter)) link.Want(filter);
                else link.Stop();
            }

            foreach (PcapLink link in _links) if (!link.Closing) wanted.Remove(link.Index);
            if (wanted.Count > 0) Add(wanted);
            return _links.All(link => link.Closing || link.Filtered);
        }
    }

    public void NeedHeadsOnly(ReadOnlySpan<LinkParts> flows)
    {
        // They come whole, and are given up when they are read.
    }

    public FrameBlock? Next(int timeoutMilliseconds)
    {
        long end = Environment.TickCount64 + timeoutMilliseconds;
        do
        {
            CopyBlock? block = _blocks.Take(timeoutMilliseconds);
            if (block is null) return null;
            PcapLink[] links = _links;
            // By turns, so that a busy link does not starve the others.
            for (int i = 0; i < links.Length; i++) links[(_turn + i) % links.Length].ReadInto(block);
            _turn = links.Length == 0 ? 0 : (_turn + 1) % links.Length;
            if (block.Count > 0) return block;
            block.Dispose();
            CloseStopped();
            Wait(_links, (int)Math.Max(0, end - Environment.TickCount64));
        }
        // What was stopped is read to its end, which comes soon: null says that there is nothing more.
        while (Environment.TickCount64 < end || _links.Any(link => link.Closing));
        return null;
    }

    public CaptureStatistics ReadStatistics()
    {
        lock (_choice)
        {
            return _links.Aggregate(_ofClosed, Sum);
        }
    }

    public void Dispose()
    {
        lock (_choice)
        {
            foreach (PcapLink link in _links) link.Dispose();
            _links = [];
        }

        _blocks.Dispose();
    }

    private void Add(Dictionary<int, FrameFilter?> wanted)
    {
        int ringBytes = Math.Clamp(options.RingBytes / (2 * wanted.Count), SmallestRing, LargestRing);
        var added = new List<PcapLink>();
        try
        {
            // One that has gone meanwhile is not there; the next snapshot of links will say so.
            foreach (PcapInterface link in PcapInterface.GetAllPcapInterfaces())
            {
                int index = (int)NetIf.if_nametoindex(link.Name);
                if (!wanted.ContainsKey(index)) continue;
                foreach (bool toPod in new[] { false, true }) added.Add(new PcapLink(link, index, toPod, ringBytes, options.Filter));
            }

            PcapLink.AwaitRetired();
            foreach (PcapLink link in added) link.Begin(wanted[link.Index]);
        }
        catch (Exception e)
        {
            added.ForEach(link => link.Dispose());
            if (e is PcapException) throw new IOException($"libpcap cannot list the links: {e.Message}", e);
            throw;
        }

        _links = [.. _links, .. added];
    }

    private void CloseStopped()
    {
        lock (_choice)
        {
            PcapLink[] closed = [.. _links.Where(link => link.TryClose())];
            if (closed.Length == 0) return;
            _ofClosed = closed.Aggregate(_ofClosed, Sum);
            _links = [.. _links.Except(closed)];
        }
    }

    private static CaptureStatistics Sum(CaptureStatistics sum, PcapLink link)
    {
        CaptureStatistics of = link.Read();
        return new CaptureStatistics(sum.Seen + of.Seen, sum.Dropped + of.Dropped, 0, sum.Overflows + of.Overflows);
    }

    private static void Wait(PcapLink[] links, int milliseconds)
    {
        // A stopped link is looked at again soon.
        if (links.Any(link => link.Closing)) milliseconds = 2;
        SysPoll.pollfd[] descriptors = [.. links.Select(link => new SysPoll.pollfd { fd = link.Descriptor, events = SysPoll.POLLIN })];
        // As long as SetLinks may add some that this does not wait for.
        fixed (SysPoll.pollfd* first = descriptors) _ = SysPoll.poll(first, (nuint)descriptors.Length, Math.Min(milliseconds, 20));
    }
}
