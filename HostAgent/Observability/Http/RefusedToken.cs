using System.Net;

namespace HostAgent.Observability;

/// <summary>A token that the API server has not accepted.</summary>
/// <param name="Hash">Of the token.</param>
/// <param name="Peer">Who showed it.</param>
/// <param name="Asked">When, as a timestamp of the clock.</param>
internal readonly record struct RefusedToken(string Hash, IPAddress Peer, long Asked);
