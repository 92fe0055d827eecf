namespace HostAgent.Filters;

/// <summary>A filter expression cannot be used; <see cref="Exception.Message"/> says why, in one line.</summary>
public sealed class FilterException(string message) : Exception(message);
