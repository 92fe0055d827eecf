using HostAgent.Tunnel;

namespace HostAgent.Relay;

/// <summary>The accounts of all agents. Those that have been gone for longest are added up when there are too many.</summary>
internal sealed class AccountBook
{
    /// <summary>So many streams have an account of their own.</summary>
    public const int Most = 4096;

    private readonly Lock _gate = new();
    private readonly Dictionary<(string Agent, Guid Stream), AgentAccount> _accounts = [];

    // Those that nobody has open, in the order in which they were left.
    private readonly List<AgentAccount> _left = [];
    private AgentSum? _former;

    /// <summary>The account of a stream, until it is closed. Nobody but the same agent comes to it.</summary>
    public AgentAccount Open(string agent, SectionOrigin origin)
    {
        lock (_gate)
        {
            if (_accounts.TryGetValue((agent, origin.Stream), out AgentAccount? account))
            {
                _left.Remove(account);
            }
            else
            {
                if (_accounts.Count >= Most) AddUpOne();
                _accounts.Add((agent, origin.Stream), account = new AgentAccount(agent, origin));
            }

            account.Openings++;
            return account;
        }
    }

    /// <summary>Whoever opened it writes no more.</summary>
    public void Close(AgentAccount account)
    {
        lock (_gate)
        {
            if (--account.Openings == 0) _left.Add(account);
        }
    }

    /// <summary>One sum for each stream; those that were added up are the first.</summary>
    public IReadOnlyList<AgentSum> Read()
    {
        lock (_gate) return [.. _former is null ? (AgentSum[])[] : [_former], .. _accounts.Values.Select(account => account.Read())];
    }

    // What is open is written to. It is bounded by the connections, and would be lost here.
    private void AddUpOne()
    {
        if (_left is not [AgentAccount oldest, ..]) return;
        _former = (_former ?? new AgentSum("former agents", "", 0, 0) { IsWhole = true }).Plus(oldest.Read());
        _left.RemoveAt(0);
        _accounts.Remove((oldest.Agent, oldest.Stream));
        oldest.Dispose();
    }
}
