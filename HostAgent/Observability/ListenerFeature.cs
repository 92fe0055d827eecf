namespace HostAgent.Observability;

/// <summary>Which listener a connection came in by.</summary>
/// <param name="Loopback">The listener is bound to a loopback address, so not to a wildcard either.</param>
internal sealed record ListenerFeature(bool Loopback);
