using HostAgent.Frames;

namespace HostAgent.Tests.Frames;

public sealed unsafe class InternetChecksumTests
{
    /// <summary>RFC 1071 written down literally: 16-bit big-endian words, carries added back one by one.</summary>
    private static ushort Reference(ReadOnlySpan<byte> data)
    {
        uint sum = 0;
        for (int i = 0; i < data.Length; i += 2)
        {
            sum += (uint)((data[i] << 8) | (i + 1 < data.Length ? data[i + 1] : 0));
            if (sum > 0xFFFF) sum = (sum & 0xFFFF) + 1;
        }

        return (ushort)~sum;
    }

    private static ushort Swap(ushort value) => (ushort)((value << 8) | (value >> 8));

    [Test]
    public void Equals_the_reference_for_every_length_and_alignment()
    {
        var random = new Random(1071);
        byte[] bytes = new byte[70_000];
        random.NextBytes(bytes);
        fixed (byte* start = bytes)
        {
            foreach (int length in Enumerable.Range(0, 300).Concat([1448, 1460, 1461, 9000, 65_535, 65_536]))
            {
                for (int offset = 0; offset < 9; offset++)
                {
                    ushort sum = Swap(InternetChecksum.Fold(InternetChecksum.Add(0, start + offset, length)));
                    Assert.That(sum, Is.EqualTo(Reference(bytes.AsSpan(offset, length))), $"length {length}, offset {offset}");
                }
            }
        }
    }

    [Test]
    public void All_ones_carry_around()
    {
        byte[] bytes = Enumerable.Repeat((byte)0xFF, 65_536).ToArray();
        fixed (byte* start = bytes)
        {
            Assert.That(InternetChecksum.Fold(InternetChecksum.Add(ulong.MaxValue, start, bytes.Length)), Is.Zero);
        }
    }

    [TestCase(10, 21)]
    [TestCase(11, 20)]
    [TestCase(55, 1447)]
    public void A_sum_over_parts_is_the_sum_over_the_whole(int first, int second)
    {
        byte[] bytes = new byte[first + second];
        new Random(first).NextBytes(bytes);
        fixed (byte* start = bytes)
        {
            ulong parts = InternetChecksum.AddAfter(InternetChecksum.Add(0, start, first), first, start + first, second);
            Assert.That(Swap(InternetChecksum.Fold(parts)), Is.EqualTo(Reference(bytes)));
        }
    }
}
