namespace HostAgent.Selection;

/// <summary>How a thread keeps up with the ring it reads, since the look before.</summary>
/// <param name="Backlog">The part of the ring that waits to be read, 0 to 1.</param>
/// <param name="Overflows">How often the ring became full, ever; not the frames lost, among which are some that no room would
/// help.</param>
/// <param name="Excess">How many frames came for each that was read; 1 where nobody counted them.</param>
/// <param name="Busy">The part of the time in which the thread did not wait for frames, 0 to 1.</param>
public readonly record struct RingLoad(double Backlog, long Overflows, double Excess, double Busy);
