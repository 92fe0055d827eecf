namespace HostAgent.Capture;

/// <summary>One flow of a link.</summary>
/// <param name="Link">The ifindex.</param>
/// <param name="Hash">The flow's, by <see cref="FlowPart.HashOf"/>.</param>
public readonly record struct LinkFlow(int Link, uint Hash);
