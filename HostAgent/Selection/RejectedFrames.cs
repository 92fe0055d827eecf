using HostAgent.Interop;

namespace HostAgent.Selection;

/// <summary>
/// How many of a pod's frames its filter kept out in the kernel, where nobody counts them: what its links carried, by the kernel's counters
/// (frames as the kernel handles them: a super-frame is one), less what was captured. An estimate: the two are not read at one moment, and
/// frames lost in the ring are among them. One thread looks, any may read.
/// </summary>
internal sealed class RejectedFrames
{
    private Dictionary<int, long> _carried = [];
    private long _seen;
    private bool _begun;
    private long _balance;

    /// <summary>Since the first look. It goes back where it was too high.</summary>
    public long Estimate => Math.Max(0, Volatile.Read(ref _balance));

    /// <summary>Whether each of these links has been looked at.</summary>
    public bool Knows(IEnumerable<MirroredLink> links) => links.All(link => _carried.ContainsKey(link.Index));

    /// <summary>Adds what has come since the last look; of a link that is looked at for the first time, nothing.</summary>
    /// <param name="links">Those of the pod that are captured.</param>
    /// <param name="seen">The frames captured of the pod so far.</param>
    /// <param name="traffic">The counters of the host's links, by name.</param>
    public void Look(IEnumerable<MirroredLink> links, long seen, Dictionary<string, LinkTraffic> traffic)
    {
        var carried = new Dictionary<int, long>();
        long more = 0;
        foreach (MirroredLink link in links)
        {
            // A link that has gone, or been renamed, carries nothing that can be known.
            if (!traffic.TryGetValue(link.Name, out LinkTraffic now)) now = new LinkTraffic(0, _carried.GetValueOrDefault(link.Index), 0);
            carried[link.Index] = now.Frames;
            if (_carried.TryGetValue(link.Index, out long before)) more += Math.Max(0, now.Frames - before);
        }

        if (_begun) Volatile.Write(ref _balance, _balance + more - (seen - _seen));
        (_carried, _seen, _begun) = (carried, seen, true);
    }
}
