namespace HostAgent.Links;

/// <summary>A route to a single address.</summary>
/// <param name="Table">RTA_TABLE; 254 is the main table.</param>
/// <param name="Priority">RTA_PRIORITY, the metric: the lower wins within a table.</param>
/// <param name="Link">The ifindex of the output link.</param>
public readonly record struct HostRoute(int Table, int Priority, int Link);
