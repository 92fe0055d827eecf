using System.Net.NetworkInformation;

namespace HostAgent.Links;

/// <summary>What a neighbour table says of an address.</summary>
/// <param name="Link">The ifindex of the link whose table it is.</param>
/// <param name="Mac">The link-layer address.</param>
public readonly record struct Neighbour(int Link, PhysicalAddress Mac);
