namespace HostAgent.Deciding;

/// <summary>A change of what is captured, as it is shown to people.</summary>
/// <param name="At">When it was noticed.</param>
/// <param name="Change">What kind.</param>
/// <param name="Subject">The pod as <c>namespace/name</c>, or how many pods it was.</param>
/// <param name="Rule">By which rule; null when it is about all of them.</param>
/// <param name="Links">The names of the pod's links on the host, with commas; null when it is about many pods.</param>
/// <param name="Reason">Why.</param>
public sealed record RecentChange(DateTimeOffset At, ScopeChange Change, string Subject, string? Rule, string? Links, string Reason);
