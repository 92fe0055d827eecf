namespace HostAgent.Capture;

/// <summary>Some of a link's flows.</summary>
/// <param name="Link">The ifindex.</param>
/// <param name="Parts">Bit i is part i of all flows (<see cref="FlowPart"/>).</param>
public readonly record struct LinkParts(int Link, ulong Parts);
