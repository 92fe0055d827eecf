namespace HostAgent.Accounts;

/// <summary>What was captured on one link since the pod got it; both only rise.</summary>
/// <param name="AnsweredFromPod">TCP segments from the pod that acknowledge something, so whose peer must have sent to the pod.</param>
/// <param name="ToPod">Such segments to the pod. (The host's answers to ARP come over the link even where nothing else does.)</param>
public readonly record struct DirectionCounts(long AnsweredFromPod, long ToPod);
