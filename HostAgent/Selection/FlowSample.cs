using HostAgent.Policy;

namespace HostAgent.Selection;

/// <summary>
/// Which flows a sample holds: by their hash alone, which has no secret and no state, so that both nodes of a flow, every agent and every
/// restart choose the same ones. A smaller share is a part of every larger one.
/// </summary>
/// <param name="share">How many of them.</param>
internal readonly struct FlowSample(SampleShare share)
{
    private readonly ulong _end = share.IsWhole ? 1ul << 32 : (ulong)share.Kept * (1ul << 32) / (ulong)share.Of;

    public bool IsWhole => _end == 1ul << 32;

    /// <param name="flowHash"><see cref="Frames.FrameLayout.FlowHash"/>.</param>
    public bool Holds(uint flowHash) => Mix(flowHash) < _end;

    /// <summary>
    /// The hash's own bits choose source ports and sensors: a sample by the same ones would leave most of them without a flow. Each step
    /// can be undone, so no two hashes become one (the finalizer of MurmurHash3, x86, 32 bits).
    /// </summary>
    private static uint Mix(uint hash)
    {
        hash = (hash ^ (hash >> 16)) * 0x85EBCA6B;
        hash = (hash ^ (hash >> 13)) * 0xC2B2AE35;
        return hash ^ (hash >> 16);
    }
}
