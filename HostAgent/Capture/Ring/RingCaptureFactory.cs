namespace HostAgent.Capture;

/// <summary>Captures through the kernel's memory-mapped rings (AF_PACKET, TPACKET_V3). Needs CAP_NET_RAW.</summary>
public sealed class RingCaptureFactory(CaptureOptions options) : ICaptureFactory
{
    public IReadOnlyList<ICapture> Open(int shards)
    {
        CaptureOptions each = options with { RingBytes = options.RingBytes / shards };
        var captures = new List<RingCapture>(shards);
        try
        {
            for (int i = 0; i < shards; i++) captures.Add(new RingCapture(each));
            if (shards == 1) return captures;
            ushort group = captures[0].StartGroup();
            foreach (RingCapture capture in captures[1..]) capture.JoinGroup(group);
            return captures;
        }
        catch
        {
            captures.ForEach(c => c.Dispose());
            throw;
        }
    }
}
