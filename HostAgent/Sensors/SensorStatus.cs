using System.Collections.Immutable;
using HostAgent.Policy;

namespace HostAgent.Sensors;

/// <summary>Who receives the mirrored frames at this moment.</summary>
/// <param name="State">Ready when <paramref name="Endpoints"/> is not empty.</param>
/// <param name="Reads">As the policy says.</param>
/// <param name="Endpoints">Ordered by address, so that flows are shared the same way after a restart.</param>
/// <param name="Reason">Why there is none, or why one was refused, in words for an operator; null when all is well.</param>
public sealed record SensorStatus(SensorState State, SensorReads Reads, ImmutableArray<SensorEndpoint> Endpoints, string? Reason);
