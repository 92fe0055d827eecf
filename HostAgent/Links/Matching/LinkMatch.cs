using System.Net;

namespace HostAgent.Links;

/// <summary>A pod's link: which, for which of its addresses, and how it was found. It dies with the link.</summary>
/// <param name="Link">The link as it was when matched.</param>
/// <param name="Ip">The pod address that led to it.</param>
/// <param name="FoundBy">The lookup that answered.</param>
/// <param name="OneWay">True when only frames from the pod are seen although its connections are answered.</param>
public sealed record LinkMatch(Link Link, IPAddress Ip, FoundBy FoundBy, bool OneWay = false);
