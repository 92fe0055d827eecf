namespace HostAgent.Bench.Measuring;

/// <summary>Between whom traffic runs.</summary>
internal enum LoadPath
{
    ToMirroredPod,
    BetweenOtherPods,
    OnLoopback,
}
