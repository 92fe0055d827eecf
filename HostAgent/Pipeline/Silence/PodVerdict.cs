using HostAgent.Accounts;

namespace HostAgent.Pipeline;

/// <summary>That the sensor misses a pod, or a part of it.</summary>
/// <param name="Kind">What of it.</param>
/// <param name="Frames">How many frames say so: those that are missed, or that a filter kept out.</param>
/// <param name="Of">How many frames they were among.</param>
/// <param name="Reason">Why they were lost; null when they were not captured at all.</param>
internal readonly record struct PodVerdict(SilenceKind Kind, long Frames, long Of, LossReason? Reason = null);
