using System.Collections.Immutable;

namespace HostAgent.Policy;

/// <summary>A policy, or everything that is wrong with it.</summary>
/// <param name="Policy">Null exactly when there are errors.</param>
/// <param name="Errors">In the order of the file; empty when it is good.</param>
public sealed record PolicyResult(MirrorPolicy? Policy, ImmutableArray<PolicyError> Errors);
