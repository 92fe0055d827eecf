namespace HostAgent.Observability;

/// <summary>A histogram that is counted elsewhere. System.Diagnostics.Metrics has no observable one, so it travels beside the meter.</summary>
/// <param name="Name">The metric's name, without the suffixes of its series.</param>
/// <param name="Help">What it tells an operator.</param>
/// <param name="Read">The histogram at this moment.</param>
public sealed record HistogramSource(string Name, string Help, Func<HistogramSnapshot> Read);
