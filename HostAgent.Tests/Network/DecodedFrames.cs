using System.Globalization;

namespace HostAgent.Tests.Network;

/// <summary>Compares what crossed a pod's own link with what reached the sensor.</summary>
internal static class DecodedFrames
{
    /// <summary>The mirrored frames are those that crossed, byte for byte, as often as they crossed, in any order.</summary>
    public static void AssertSame(IEnumerable<byte[]> crossed, IEnumerable<byte[]> mirrored)
    {
        Dictionary<string, int> left = Count(crossed), right = Count(mirrored);
        string[] missing = [.. Over(left, right)], surplus = [.. Over(right, left)];
        Assert.That((missing.Length, surplus.Length), Is.EqualTo((0, 0)),
            $"missing of {left.Values.Sum()}:\n{string.Join('\n', missing.Take(5))}\n"
            + $"surplus of {right.Values.Sum()}:\n{string.Join('\n', surplus.Take(5))}");
    }

    /// <summary>
    /// What one direction of a TCP connection carried, put together by sequence number; for super-frames, which are cut on the way.
    /// A gap is an error, a retransmission must carry the same bytes.
    /// </summary>
    public static byte[] TcpPayload(IEnumerable<DecodedFrame> frames, int sourcePort, int destinationPort)
    {
        var segments = frames
            .Where(frame => frame.Last("tcp.srcport") == Text(sourcePort) && frame.Last("tcp.dstport") == Text(destinationPort)
                && frame.Last("tcp.payload") is not null)
            .Select(frame => (Sequence: uint.Parse(frame.Last("tcp.seq_raw")!, CultureInfo.InvariantCulture),
                Payload: Convert.FromHexString(frame.Last("tcp.payload")!.Replace(":", "", StringComparison.Ordinal))))
            .ToList();
        Assert.That(segments, Is.Not.Empty, $"segments from port {sourcePort} to {destinationPort}");
        uint first = segments[0].Sequence;
        foreach ((uint sequence, _) in segments)
        {
            if ((int)(sequence - first) < 0) first = sequence;
        }

        var payload = new List<byte>();
        foreach ((uint sequence, byte[] bytes) in segments.OrderBy(segment => segment.Sequence - first))
        {
            int at = (int)(sequence - first);
            Assert.That(at, Is.LessThanOrEqualTo(payload.Count), $"a gap in the stream from port {sourcePort} before byte {at}");
            int known = Math.Min(payload.Count - at, bytes.Length);
            Assert.That(bytes.AsSpan(0, known).SequenceEqual(payload.GetRange(at, known).ToArray()),
                $"bytes from {at} on differ in a retransmission");
            payload.AddRange(bytes[known..]);
        }

        return [.. payload];
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static Dictionary<string, int> Count(IEnumerable<byte[]> frames) =>
        frames.CountBy(Convert.ToHexStringLower).ToDictionary();

    private static IEnumerable<string> Over(Dictionary<string, int> these, Dictionary<string, int> those) =>
        these.Where(frame => frame.Value > those.GetValueOrDefault(frame.Key))
            .Select(frame => $"{frame.Value - those.GetValueOrDefault(frame.Key)} x {frame.Key}");
}
