using System.Collections.Immutable;

namespace HostAgent.Policy;

/// <summary>The policy file cannot be used; <see cref="Exception.Message"/> has one line for each error.</summary>
public sealed class PolicyException : Exception
{
    public PolicyException(string file, ImmutableArray<PolicyError> errors)
        : base(string.Join('\n', errors.Select(e => e.In(file)))) => Errors = errors;

    public ImmutableArray<PolicyError> Errors { get; }
}
