using HostAgent.Accounts;
using HostAgent.Frames;
using HostAgent.Lab;
using HostAgent.Pipeline;
using HostAgent.Policy;
using HostAgent.Sensors;
using HostAgent.Tunnel;

namespace HostAgent.Tests.Tunnel;

/// <summary>
/// Blocks of damaged and of whole frames through the real transports onto a real link: what arrives there must be exactly the inner frames
/// that a transport which sends nothing was given for the same blocks.
/// </summary>
[TestFixture]
[Parallelizable]
internal sealed class SendingFuzzTests
{
    private const int Rounds = 150;

    private static readonly CraftedFrame[] Bulk =
    [
        CraftedFrame.Tcp("", new("10.56.0.1"), 64_000, 1448),
        CraftedFrame.Tcp("", new("fd56::1"), 63_000, 1428),
        CraftedFrame.Udp("", new("10.56.0.1"), 60_000, 1200),
    ];

    [Test]
    public void What_arrives_is_what_was_cut([Values] SensorReads reads, [Values] bool v6, [Values(9000, 1500)] int mtu)
    {
        using var node = new MirroredNode(mtu);
        node.Policy = node.Policy with { Reads = reads };
        SensorEndpoint sensor = node.EndpointOf(node.Sensor, v6);
        using TunnelReceiver receiver = reads == SensorReads.Sniff
            ? TunnelReceiver.OnLink(node.Sensor, sensor.Port, mtu) : TunnelReceiver.OnSocket(node.Sensor, sensor.Address, sensor.Port);
        var ledger = new ShardLedger();
        using Transport transport = node.Node.Namespace.Run<Transport>(() =>
            reads == SensorReads.Sniff
                ? new LinkTransport(sensor, node.Policy, ledger, 0)
                : new UdpTransport(sensor, node.Policy, ledger, 0));
        FrameSender sender = DamagedFrame.Sender(ledger, transport);
        var wantedLedger = new ShardLedger();
        using var wanted = new RecordingTransport(transport.MaxInnerFrame, wantedLedger);
        FrameSender wanting = DamagedFrame.Sender(wantedLedger, wanted);
        var random = new Random(mtu + (v6 ? 1 : 0));
        for (int round = 0; round < Rounds; round++)
        {
            using MemoryBlock block = new(), same = new();
            Fill(block, same, random);
            wanted.Sent.Clear();
            wanting.Send(same);
            sender.Send(block);

            List<byte[]> arrived = receiver.Receive(wanted.Sent.Count);
            Assert.That(arrived, Has.Count.EqualTo(wanted.Sent.Count), $"round {round}");
            // A socket reader's flows have a batch for each port, and so overtake each other.
            arrived.Sort((a, b) => a.AsSpan().SequenceCompareTo(b));
            wanted.Sent.Sort((a, b) => a.AsSpan().SequenceCompareTo(b));
            for (int i = 0; i < arrived.Count; i++)
                Assert.That(arrived[i].AsSpan().SequenceEqual(wanted.Sent[i]), Is.True, $"round {round}, datagram {i}");
        }

        LedgerSnapshot balance = ledger.AddTo(LedgerSnapshot.Empty), wantedBalance = wantedLedger.AddTo(LedgerSnapshot.Empty);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(balance.Losses, Is.EqualTo(wantedBalance.Losses));
            Assert.That(balance.Delivered, Is.EqualTo(wantedBalance.Delivered).And.GreaterThan(Rounds));
            Assert.That((receiver.Judged.BadOuterChecksums, receiver.Judged.Oversize), Is.EqualTo((0L, 0L)));
        }
    }

    /// <summary>The same frames into both blocks: damaged ones, and bulk that makes long runs of equal datagrams.</summary>
    private static void Fill(MemoryBlock block, MemoryBlock same, Random random)
    {
        for (int frames = random.Next(5, 25); frames > 0; frames--)
        {
            CraftedFrame bulk = Bulk[random.Next(Bulk.Length)];
            switch (random.Next(6))
            {
                case 0:
                    for (int n = random.Next(1, 4); n > 0; n--) Add(bulk.Bytes, DamagedFrame.Whole(bulk));
                    break;
                case 1:
                    Damaged(bulk);
                    break;
                default:
                    Damaged(DamagedFrame.Seeds[random.Next(DamagedFrame.Seeds.Count)]);
                    break;
            }
        }

        void Damaged(CraftedFrame seed)
        {
            (byte[] bytes, Frame frame) = DamagedFrame.Of(seed, random);
            Add(bytes, frame);
        }

        void Add(byte[] bytes, Frame frame)
        {
            block.Add(bytes, frame);
            same.Add(bytes, frame);
        }
    }
}
