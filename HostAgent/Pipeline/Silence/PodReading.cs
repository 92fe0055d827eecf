using System.Collections.Immutable;
using HostAgent.Accounts;
using HostAgent.Interop;

namespace HostAgent.Pipeline;

/// <summary>What was counted of one pod until a moment, on all of its captured links together. All of it only rises.</summary>
/// <param name="At">The moment, as a timestamp of whoever judges it.</param>
/// <param name="Carried">What the kernel says its links carried; null when a link is not known to it, so that nothing is known.</param>
/// <param name="Captured">Frames that were captured.</param>
/// <param name="Directions">Of them, what tells directions apart.</param>
/// <param name="NotSent">Of them, those that were not sent, by <see cref="LossReason"/>.</param>
internal sealed record PodReading(
    long At, LinkTraffic? Carried, long Captured, DirectionCounts Directions, ImmutableArray<long> NotSent);
