using HostAgent.Cluster;
using HostAgent.Policy;

namespace HostAgent.Deciding;

/// <summary>One change of what is captured.</summary>
/// <param name="Change">What kind.</param>
/// <param name="Pod">Whose frames.</param>
/// <param name="Rule">By which rule; of a pod that is not captured any more, the one by which it was.</param>
/// <param name="Links">The names of its links on the host, with commas; of a pod that is not captured any more, those it had.</param>
/// <param name="PolicyRevision">Of the policy in force when it changed.</param>
/// <param name="Reason">Why, as far as it can be told from what was before and what is now.</param>
internal sealed record ScopeEvent(ScopeChange Change, Pod Pod, MirrorRule Rule, string Links, string PolicyRevision, string Reason);
