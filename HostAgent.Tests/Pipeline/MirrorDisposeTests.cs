using HostAgent.Capture;
using HostAgent.Lab;
using HostAgent.Pipeline;
using HostAgent.Tests.Network;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Tests.Pipeline;

public sealed class MirrorDisposeTests
{
    /// <summary>The ring's memory goes with the mirror: a thread that still read it would end the process, and this run with it.</summary>
    [TestCase(1)]
    [TestCase(2)]
    public void Nothing_reads_a_ring_that_is_gone(int shards)
    {
        using NodeNetwork node = TestNode.Create();
        for (int i = 0; i < 5; i++)
        {
            var mirror = node.Namespace.Run(
                () => new Mirror(new RingCaptureFactory(new CaptureOptions(RingBytes: 4 << 20)), shards, NullLogger.Instance));
            mirror.Dispose();
            Assert.That(mirror.Ledger.Read().Seen, Is.Zero);
        }
    }
}
