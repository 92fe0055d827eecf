using System.Collections.Immutable;
using HostAgent.Selection;

namespace HostAgent.Pipeline;

/// <summary>A pod that the sensor misses.</summary>
/// <param name="Pod">The pod.</param>
/// <param name="Links">Its links, by name.</param>
/// <param name="Filters">The filters that its frames have to pass, in words; empty without one.</param>
/// <param name="Verdict">What is missed.</param>
internal sealed record SilentPod(MirroredPod Pod, ImmutableArray<string> Links, string Filters, PodVerdict Verdict);
