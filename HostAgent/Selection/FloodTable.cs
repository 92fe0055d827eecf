using System.Runtime.CompilerServices;

namespace HostAgent.Selection;

/// <summary>
/// Frames that a bridge is passing on to several of its ports, and which ports had their copy: each may have one. Of fixed size; what it
/// has forgotten is delivered once more. One thread.
/// </summary>
internal sealed class FloodTable
{
    private const int Ways = 4;
    private const int Buckets = 128;

    private readonly Flood[] _floods = new Flood[Buckets * Ways];

    /// <summary>Whether a copy of this frame was told of that this port has not had yet; from now on it has.</summary>
    /// <param name="key">Everything in the frame, MACs and bridge included: a bridge changes nothing.</param>
    /// <param name="link">The port's ifindex.</param>
    /// <param name="now">Nanoseconds, of the clock that frames have.</param>
    public bool Explains(ulong key, int link, long now)
    {
        foreach (ref Flood flood in Bucket(key))
        {
            if (flood.Key == key && Math.Abs(now - flood.Time) < CopyTable.Memory && flood.Ports.Add(link)) return true;
        }

        return false;
    }

    /// <summary>Tells of a frame that one port has its copy of.</summary>
    /// <param name="key">As for <see cref="Explains"/>.</param>
    /// <param name="link">The port's ifindex.</param>
    /// <param name="origin">The lower 16 bits of the ifindex where it entered; null when that is no captured link.</param>
    /// <param name="now">As for <see cref="Explains"/>.</param>
    public void Open(ulong key, int link, ushort? origin, long now)
    {
        Span<Flood> ways = Bucket(key);
        ref Flood oldest = ref ways[0];
        foreach (ref Flood flood in ways)
        {
            if (flood.Time < oldest.Time) oldest = ref flood;
        }

        oldest = new Flood { Key = key, Time = now };
        oldest.Ports.Add(link);
        if (origin is { } port) oldest.Ports.Add(port);
    }

    private Span<Flood> Bucket(ulong key) => _floods.AsSpan((int)(key & (Buckets - 1)) * Ways, Ways);

    private struct Flood
    {
        public ulong Key;
        public long Time;
        public PortSet Ports;
    }

    /// <summary>
    /// Ports by the lower bits of their ifindex. One that shares them with another is taken for it: then its copy is delivered.
    /// </summary>
    [InlineArray(Words)]
    private struct PortSet
    {
        private const int Words = 8;

        private ulong _first;

        /// <summary>False when it is in the set already.</summary>
        public bool Add(int link)
        {
            ref ulong word = ref this[(link >> 6) & (Words - 1)];
            ulong bit = 1ul << (link & 63);
            bool isNew = (word & bit) == 0;
            word |= bit;
            return isNew;
        }
    }
}
