using System.Buffers.Binary;
using HostAgent.Accounts;
using HostAgent.Frames;
using HostAgent.Lab;
using HostAgent.Policy;

namespace HostAgent.Tests.Tunnel;

/// <summary>
/// Segments larger than the wire's: what they must be follows from the wire's, which other tests compare with the kernel's.
/// </summary>
[TestFixture]
[Parallelizable]
internal sealed class SegmentSizesTests
{
    private const int Wide = 8950, Whole = SegmentLimit.Most;
    private const byte Fin = 1, Push = 8, Cwr = 0x80;

    private static readonly byte[] Timestamps = [1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8], Vlan = [0x81, 0, 0x20, 5];

    private static CraftedFrame[] Frames { get; } =
    [
        CraftedFrame.Tcp("TCP, 64 KiB", new("10.66.0.1"), 45 * 1448, 1448, options: Timestamps),
        CraftedFrame.Tcp("TCP, a shorter last segment", new("10.66.0.1", Field: 2), 20_000, 1448, flags: 0xD9),
        CraftedFrame.Tcp("TCP, a last segment of one byte, odd size", new("10.66.0.1"), (5 * 1001) + 1, 1001),
        CraftedFrame.Tcp("TCP, IPv4 options, VLAN tag", new("10.66.0.1", [7, 7, 4, 0, 0, 0, 0, 0], Tags: Vlan), 9000, 1400),
        CraftedFrame.Tcp("TCP, IP ids pass 65535", new("10.66.0.1", Id: 0xFFFC), 12_000, 536),
        CraftedFrame.Tcp("TCP over IPv6", new("fd66::1", Field: 3), 45 * 1428, 1428, flags: 0x99, options: Timestamps),
        CraftedFrame.Tcp("TCP over IPv6, hop-by-hop options, VLAN tag", new("fd66::1", [6, 0, 1, 4, 0, 0, 0, 0], Tags: Vlan), 9001, 1400),
    ];

    [Test]
    public void They_are_as_many_of_the_wires_as_fit_joined(
        [ValueSource(nameof(Frames))] CraftedFrame frame, [Values(Wide, Whole)] int link, [Values(0, 4000)] int bytes)
    {
        SegmentLimit limit = bytes == 0 ? SegmentLimit.Link : new SegmentLimit(bytes);
        int most = Math.Min(link, limit.Bytes), together = (most - frame.Headers) / frame.SegmentSize;
        byte[][][] groups = [.. Sent(frame, SegmentLimit.Wire, link).Chunk(together)];
        List<byte[]> merged = Sent(frame, limit, link);
        Assert.That(merged, Has.Count.EqualTo(groups.Length));
        for (int i = 0; i < groups.Length; i++) AssertJoined(frame, groups[i], merged[i], most);
        // The payload borders that the sensor sees are the wire's.
        Assert.That(merged[..^1].Select(segment => (segment.Length - frame.Headers) % frame.SegmentSize), Is.All.Zero);
    }

    [Test]
    public void Each_TCP_flag_is_where_it_was([Values] bool ecn)
    {
        for (int flags = 0; flags <= byte.MaxValue; flags++)
        {
            CraftedFrame frame = CraftedFrame.Tcp("", new("10.66.0.2"), 10_000, 1000, (byte)flags);
            if (!ecn) frame = frame with { GsoType = (byte)(frame.GsoType & ~Cwr) };
            int onEach = flags & ~(Fin | Push | (ecn ? Cwr : 0));
            int[] expected = [.. Enumerable.Repeat(onEach, 4)];
            expected[0] |= flags & Cwr;
            expected[^1] |= flags & (Fin | Push);
            Assert.That(Sent(frame, new SegmentLimit(3500), Wide).Select(segment => (int)segment[frame.ChecksumStart + 13]),
                Is.EqualTo(expected));
        }
    }

    [TestCase(14 * 1448, 14, TestName = "A_segment_counts_as_merged_when_it_leaves_with_others(14)")]
    [TestCase(13 * 1448, 12, TestName = "A_segment_counts_as_merged_when_it_leaves_with_others(13)")]
    [TestCase((12 * 1448) + 1, 12, TestName = "A_segment_counts_as_merged_when_it_leaves_with_others(12 and one byte)")]
    public void A_segment_counts_as_merged_when_it_leaves_with_others(int payload, int merged)
    {
        CraftedFrame frame = CraftedFrame.Tcp("", new("10.66.0.3"), payload, 1448);
        var ledger = new ShardLedger();
        RecordingTransport.SentOf(
            frame.Bytes, DamagedFrame.Whole(frame), new RecordingTransport(Wide, ledger, new SegmentLimit(4500)));
        Assert.That(ledger.AddTo(LedgerSnapshot.Empty).Merged, Is.EqualTo(merged));
    }

    [TestCase(1200)]
    [TestCase(100)]
    public void Datagrams_stay_as_their_sender_cut_them(int size)
    {
        CraftedFrame frame = CraftedFrame.Udp("", new("10.66.0.4"), (9 * size) + 1, size);
        Assert.That(Sent(frame, SegmentLimit.Link, Whole), Is.EqualTo(Sent(frame, SegmentLimit.Wire, Wide)));
    }

    [Test]
    public void A_limit_below_the_wires_segments_cuts_them_shorter()
    {
        CraftedFrame frame = CraftedFrame.Tcp("", new("10.66.0.5"), 5000, 1448);
        List<byte[]> sent = Sent(frame, new SegmentLimit(1000), Wide);
        Assert.That(sent.Select(segment => segment.Length), Is.EqualTo([1000, 1000, 1000, 1000, 1000, frame.Headers + 5000 - (5 * 946)]));
        AssertJoined(frame, [.. sent], frame.Bytes, Whole, judged: false);
        Assert.That(sent.Select(segment => InnerFrame.Judge(segment, out _)), Is.All.EqualTo(FrameVerdict.Right));
    }

    [Test]
    public void The_policys_largest_number_is_what_a_datagram_can_carry() =>
        Assert.That(SegmentLimit.Most, Is.EqualTo(Vxlan.LongestInnerFrame));

    private static List<byte[]> Sent(CraftedFrame frame, SegmentLimit limit, int link) =>
        RecordingTransport.SentOf(frame.Bytes, DamagedFrame.Whole(frame), limit, link);

    /// <summary>Headers of the first, what only a last one may carry of the last, all payload; lengths and checksums its own.</summary>
    private static void AssertJoined(CraftedFrame frame, byte[][] parts, byte[] joined, int most, bool judged = true)
    {
        int headers = frame.Headers, tcp = frame.ChecksumStart;
        bool tagged = parts[0][12] == 0x81, v6 = frame.Source.Contains(':', StringComparison.Ordinal);
        int ip = tagged ? 18 : 14;
        byte[] expected = [.. parts[0][..headers], .. parts.SelectMany(part => part[headers..])], actual = [.. joined];
        expected[tcp + 13] |= (byte)(parts[^1][tcp + 13] & (Fin | Push));
        int counted = expected.Length - ip - (v6 ? 40 : 0);
        BinaryPrimitives.WriteUInt16BigEndian(expected.AsSpan(ip + (v6 ? 4 : 2)), (ushort)counted);
        foreach (byte[] bytes in new[] { expected, actual })
        {
            // Judged for themselves.
            if (!v6) bytes.AsSpan(ip + 10, 2).Clear();
            bytes.AsSpan(tcp + 16, 2).Clear();
        }

        Assert.That(actual, Is.EqualTo(expected));
        Assert.That(joined, Has.Length.LessThanOrEqualTo(most));
        if (judged) Assert.That(InnerFrame.Judge(joined, out _), Is.EqualTo(FrameVerdict.Right));
    }
}
