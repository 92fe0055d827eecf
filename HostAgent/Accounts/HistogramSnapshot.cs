using System.Collections.Immutable;

namespace HostAgent.Accounts;

/// <summary>A histogram at one moment.</summary>
/// <param name="UpperBounds">Ascending, inclusive, without +Inf.</param>
/// <param name="Counts">Not cumulative; one more than <paramref name="UpperBounds"/>, the last for what is above.</param>
/// <param name="Sum">Of all observed values, in the unit of the bounds.</param>
public sealed record HistogramSnapshot(ImmutableArray<double> UpperBounds, ImmutableArray<long> Counts, double Sum);
