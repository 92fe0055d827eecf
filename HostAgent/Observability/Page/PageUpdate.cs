namespace HostAgent.Observability;

/// <summary>What all who look at the page are told, as JSON in UTF-8.</summary>
/// <param name="State">A <see cref="PageState"/>; the same array as before when nothing of it has changed.</param>
/// <param name="Counts">The <see cref="PageCounts"/> of the same moment.</param>
internal sealed record PageUpdate(byte[] State, byte[] Counts);
