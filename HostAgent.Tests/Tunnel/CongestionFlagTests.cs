using HostAgent.Lab;

namespace HostAgent.Tests.Tunnel;

/// <summary>Where a super-frame's CWR flag goes, which is not the same for ECN (RFC 3168) and AccECN (RFC 9768).</summary>
[TestFixture]
internal sealed class CongestionFlagTests
{
    private const byte Cwr = 0x80, OfEcn = 0x80;

    [TestCase(true, ExpectedResult = new[] { true, false, false })]
    [TestCase(false, ExpectedResult = new[] { true, true, true })]
    public bool[] The_flag_is_the_first_segments_alone_when_the_kernel_says_so(bool ecn)
    {
        CraftedFrame crafted = CraftedFrame.Tcp("", new("10.62.0.1"), 3000, 1000, flags: 0x90);
        if (!ecn) crafted = crafted with { GsoType = (byte)(crafted.GsoType & ~OfEcn) };
        return [.. RecordingTransport.SentOf(crafted.Bytes, DamagedFrame.Whole(crafted))
            .Select(segment => (segment[crafted.ChecksumStart + 13] & Cwr) != 0)];
    }
}
