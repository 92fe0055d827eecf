using HostAgent.Relay;
using HostAgent.Tunnel;

namespace HostAgent.Tests.Relay;

/// <summary>What a receiver reads of a stream, whoever wrote it.</summary>
internal sealed unsafe class SectionReaderTests
{
    private static readonly Guid Stream = Guid.NewGuid();

    [Test]
    public void An_origin_is_read_as_it_was_written()
    {
        var origin = new SectionOrigin("node-1.example", Stream, 123_456_789_012);
        Assert.That(SectionOrigin.Parse(origin.ToString()), Is.EqualTo(origin));
        Assert.That(SectionOrigin.Parse(origin + " "), Is.Null);
        Assert.That(SectionOrigin.Parse(origin.ToString().Replace("-1", "\n1", StringComparison.Ordinal)), Is.Null);
    }

    [TestCase(1)]
    [TestCase(7)]
    [TestCase(100_000)]
    public void A_stream_is_the_same_however_it_is_torn(int piece)
    {
        var account = new AgentAccount("CN=a", new SectionOrigin("n", Stream, 0));
        byte[] text = [.. Section(0, 3), .. Section(3, 0), .. Section(5, 2)];
        List<string> written = Read(text, piece, account);
        Assert.That(written, Is.EqualTo(["link 33", "0", "1", "2", "link 33", "link 33", "0", "1"]));
        AgentSum sum = account.Read();
        Assert.That((sum.Received, sum.Missing, sum.IsWhole), Is.EqualTo((5L, 2L, false)));
    }

    [Test]
    public void Records_that_were_never_written_cannot_be_received()
    {
        var account = new AgentAccount("CN=a", new SectionOrigin("n", Stream, 0));
        Assert.That(() => Read([.. Section(0, 3), .. Section(2, 1)], 100, account), Throws.TypeOf<MalformedStreamException>());
    }

    [Test]
    public void A_hostile_stream_is_malformed_or_means_what_it_says()
    {
        var random = new Random(17);
        byte[] good = [.. Section(0, 3), .. Section(3, 2)];
        int malformed = 0;
        for (int i = 0; i < 20_000; i++)
        {
            byte[] text = Mutation.Of(good, random, [0, 0xFF, 0x0A, 6, 1]);
            try
            {
                Read(text, 1 + random.Next(200), new AgentAccount("CN=a", new SectionOrigin("n", Stream, 0)));
            }
            catch (MalformedStreamException)
            {
                malformed++;
            }
        }

        Assert.That(malformed, Is.InRange(1000, 19_999));
    }

    [TestCase(8u, 64u << 20, "bytes")]
    [TestCase(6u, 31u, "bytes")]
    [TestCase(1u, 8192u, "bytes")]
    [TestCase(6u, 0xFFFF_FFFCu, "bytes")]
    public void A_block_is_no_longer_than_there_is_room_for(uint type, uint length, string says)
    {
        byte[] block = new byte[32];
        BitConverter.TryWriteBytes(block, type);
        BitConverter.TryWriteBytes(block.AsSpan(4), length);
        var account = new AgentAccount("CN=a", new SectionOrigin("n", Stream, 0));
        Assert.That(() => Read([.. Section(0, 1), .. block], 100, account),
            Throws.TypeOf<MalformedStreamException>().With.Message.Contains(says));
    }

    private static byte[] Section(long first, int records) => HandMadeAgent.Section(Stream, first, records);

    private static List<string> Read(byte[] text, int piece, AgentAccount account)
    {
        var output = new Notes();
        var reader = new SectionReader();
        for (int at = 0; at < text.Length;)
        {
            Memory<byte> room = reader.Room();
            int length = Math.Min(Math.Min(piece, room.Length), text.Length - at);
            Assert.That(length, Is.Positive);
            text.AsMemory(at, length).CopyTo(room);
            at += length;
            reader.Filled(length);
            while (reader.Take(output, account) is { } origin) account.Begin(origin.First);
        }

        return output.Written;
    }

    private sealed class Notes : IFrameOutput
    {
        public List<string> Written { get; } = [];

        public int Introduce(string name, string description)
        {
            Written.Add($"link {PcapngFormat.VniOf(description)}");
            return 0;
        }

        public void Write(int link, in ReceivedRecord record)
        {
            // All of it is there.
            var frame = new ReadOnlySpan<byte>(record.Frame, record.FrameLength);
            Written.Add(frame.Length == 0 ? "" : $"{frame[0]}");
            Assert.That(frame.Length + 32, Is.LessThanOrEqualTo(record.Length));
        }

        public void Flush()
        {
        }

        public void Dispose()
        {
        }
    }
}
