namespace HostAgent.Accounts;

/// <summary>A part of the agent that knows what is wrong with it.</summary>
public interface IWarns
{
    /// <summary>
    /// What wants an operator's hand at the moment, each in one sentence with its mend. Asked in each round of matching, so every few
    /// seconds; one thread at a time.
    /// </summary>
    IEnumerable<string> Warnings();
}
