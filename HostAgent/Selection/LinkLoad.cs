using System.Numerics;
using HostAgent.Frames;
using HostAgent.Policy;

namespace HostAgent.Selection;

/// <summary>
/// What one link's frames cost one shard, by the parts that <see cref="FlowPart"/> divides flows into, and which parts are given up. Only
/// the shard's thread changes it.
/// </summary>
/// <param name="link">The ifindex.</param>
internal sealed class LinkLoad(int link)
{
    /// <summary>What a datagram costs beside its bytes, in bytes that cost as much.</summary>
    private const long DatagramCost = 2048;

    /// <summary>So many looks without a frame, ten seconds, and a link has nothing to be spared any more.</summary>
    private const int Lately = 500;

    private readonly long[] _since = new long[FlowPart.Count];
    private readonly long[] _recent = new long[FlowPart.Count];
    private bool _idle = true;
    private int _silent = Lately;
    private ulong _shed;
    private int _priority = (int)MirrorPriority.Normal;

    public int Link => link;

    /// <summary>When overload may take of this link. Any thread may set it.</summary>
    public MirrorPriority Priority
    {
        get => (MirrorPriority)Volatile.Read(ref _priority);
        set => Volatile.Write(ref _priority, (int)value);
    }

    /// <summary>The parts that are given up: bit i is part i. Any thread may read it.</summary>
    public ulong Shed => Volatile.Read(ref _shed);

    /// <summary>How much of its flows is given up, 0 to 1.</summary>
    public double ShareShed => (double)BitOperations.PopCount(Shed) / FlowPart.Count;

    /// <summary>Recent cost, what is given up included; each look weighs half of the one after it.</summary>
    public long Recent { get; private set; }

    /// <summary>There were frames of it not long ago.</summary>
    public bool SpokeLately => _silent < Lately;

    /// <summary>The cost of what was sent of it since the look before the last one.</summary>
    public long SentLast { get; private set; }

    /// <summary>The same, what is given up included.</summary>
    public long SeenLast { get; private set; }

    /// <summary>The recent cost of what is not given up.</summary>
    public long Sent { get; private set; }

    /// <summary>What it takes to send a frame.</summary>
    /// <param name="bytes">The frame's own, whether they were copied or not.</param>
    /// <param name="segmentSize">Of a super-frame, which leaves as many datagrams; 0 for an ordinary frame.</param>
    public static long Cost(int bytes, int segmentSize) =>
        bytes + (DatagramCost * (segmentSize == 0 ? 1 : ((bytes - 1) / segmentSize) + 1));

    /// <summary>Takes note of a frame, whether it is given up or not.</summary>
    /// <returns>True when it is given up.</returns>
    public bool Sheds(int part, long cost)
    {
        _since[part] += cost;
        _idle = false;
        return (_shed >> part & 1) != 0;
    }

    /// <summary>A frame that was taken note of, and need not be sent.</summary>
    public void Spare(int part, long cost) => _since[part] -= cost;

    /// <summary>Lets time pass, by one look.</summary>
    public void Age()
    {
        (SentLast, SeenLast) = (0, 0);
        if (_silent < Lately) _silent++;
        if (_idle) return;
        long recent = 0;
        for (int i = 0; i < _recent.Length; i++)
        {
            if ((_shed >> i & 1) == 0) SentLast += _since[i];
            SeenLast += _since[i];
            recent += _recent[i] = (_recent[i] / 2) + _since[i];
            _since[i] = 0;
        }

        if (SeenLast > 0) _silent = 0;
        Recent = recent;
        _idle = recent == 0;
        Sum();
    }

    /// <summary>Gives up the part with the most traffic of those that are left, and says how much that was; 0 when none is left.</summary>
    public long GiveUp()
    {
        ulong left = ~_shed;
        if (left == 0) return 0;
        int most = Find(left, sign: 1);
        Volatile.Write(ref _shed, _shed | 1ul << most);
        Sum();
        return _recent[most];
    }

    /// <summary>
    /// Gives up as large a share of the parts without recent traffic as of those with it: what waits to be read is as what was read.
    /// </summary>
    public void GiveUpUnread()
    {
        int read = 0, given = 0, unread = 0;
        for (int i = 0; i < _recent.Length; i++)
        {
            bool shed = (_shed >> i & 1) != 0;
            if (_recent[i] > 0) (read, given) = (read + 1, given + (shed ? 1 : 0));
            else if (!shed) unread++;
        }

        int more = read == 0 ? 0 : unread * given / read;
        ulong shedNow = _shed;
        for (int i = 0; i < _recent.Length && more > 0; i++)
        {
            if (_recent[i] > 0 || (shedNow >> i & 1) != 0) continue;
            shedNow |= 1ul << i;
            more--;
        }

        Volatile.Write(ref _shed, shedNow);
    }

    /// <summary>Gives up this part.</summary>
    public void GiveUp(int part)
    {
        Volatile.Write(ref _shed, _shed | 1ul << part);
        Sum();
    }

    /// <summary>The recent cost of the part with the least traffic of those that are given up; null when none is.</summary>
    public long? Least => _shed == 0 ? null : _recent[Find(_shed, sign: -1)];

    /// <summary>Takes that part back.</summary>
    public void TakeBack()
    {
        Volatile.Write(ref _shed, _shed & ~(1ul << Find(_shed, sign: -1)));
        Sum();
    }

    private int Find(ulong among, int sign)
    {
        int found = BitOperations.TrailingZeroCount(among);
        for (int i = found + 1; i < _recent.Length; i++)
        {
            if ((among >> i & 1) != 0 && sign * _recent[i] > sign * _recent[found]) found = i;
        }

        return found;
    }

    private void Sum()
    {
        long sent = 0;
        for (int i = 0; i < _recent.Length; i++) sent += (_shed >> i & 1) == 0 ? _recent[i] : 0;
        Sent = sent;
    }
}
