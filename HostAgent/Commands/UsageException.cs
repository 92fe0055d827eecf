namespace HostAgent.Commands;

/// <summary>A command line that asks for what cannot be done. The message says what is wrong and how to mend it.</summary>
/// <param name="message">In words for who wrote it.</param>
/// <param name="exitCode">With which the program ends.</param>
internal sealed class UsageException(string message, int exitCode = 1) : Exception(message)
{
    public int ExitCode => exitCode;
}
