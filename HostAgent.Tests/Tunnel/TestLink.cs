using HostAgent.Selection;

namespace HostAgent.Tests.Tunnel;

/// <summary>Captured links of one pod, in one VNI, for tests that need no kernel.</summary>
internal static class TestLink
{
    private static readonly MirroredPod Pod = new("ns", "pod", "uid", 1);

    /// <param name="index">The ifindex.</param>
    /// <param name="bridge">The ifindex of its bridge, or 0.</param>
    /// <param name="vni">Its VNI.</param>
    public static MirroredLink Of(int index, int bridge = 0, uint vni = 1) =>
        new(index, Pod, vni, bridge, 0, [new LinkCounters(index)]);
}
