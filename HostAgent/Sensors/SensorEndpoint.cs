using System.Net;
using HostAgent.Links;

namespace HostAgent.Sensors;

/// <summary>One sensor: on this host, or by the policy's leave on another.</summary>
/// <param name="Address">Where it reads: the outer destination address.</param>
/// <param name="Port">The outer UDP destination port.</param>
/// <param name="Link">
/// The host's end of its link, or loopback for a sensor in the host's own namespace; of one on another host the link that leads there.
/// </param>
/// <param name="Source">The outer source address: the one the host itself would use towards the sensor.</param>
public sealed record SensorEndpoint(IPAddress Address, ushort Port, Link Link, IPAddress Source);
