namespace HostAgent.Lab;

/// <summary>A program that was run to its end.</summary>
/// <param name="Code">The exit code; null when it did not end in time, and was killed.</param>
/// <param name="Output">Its stdout.</param>
/// <param name="Errors">Its stderr.</param>
internal sealed record ProgramRun(int? Code, string Output, string Errors);
