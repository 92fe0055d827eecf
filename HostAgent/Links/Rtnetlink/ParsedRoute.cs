using System.Net;

namespace HostAgent.Links;

/// <summary>One next hop of a route.</summary>
/// <param name="Destination">Of a host route; null for a route to a whole network through a gateway.</param>
/// <param name="Route">Where it leads.</param>
internal readonly record struct ParsedRoute(IPAddress? Destination, HostRoute Route);
