namespace HostAgent.Filters;

/// <summary>A filter expression cannot be used; <see cref="Exception.Message"/> says why, in one line.</summary>
public sealed class FilterException : Exception
{
    /// <param name="expression">The one to blame.</param>
    /// <param name="why">What is wrong with it, to follow its name.</param>
    public FilterException(string expression, string why)
        : base($"the filter '{expression}' {why}") => Why = why;

    /// <param name="message">What is wrong, whatever the expression.</param>
    public FilterException(string message)
        : base(message)
    {
    }

    /// <summary>What is wrong with the expression, without it, for who names its place; null when it is not to blame.</summary>
    public string? Why { get; }
}
