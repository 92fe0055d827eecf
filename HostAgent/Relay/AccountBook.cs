using HostAgent.Tunnel;

namespace HostAgent.Relay;

/// <summary>The accounts of all agents. Those that have been gone for longest are added up when there are too many.</summary>
internal sealed class AccountBook
{
    private const int Most = 4096;

    private readonly Lock _gate = new();
    private readonly Dictionary<(string Agent, Guid Stream), AgentAccount> _accounts = [];
    private readonly Queue<(string Agent, Guid Stream)> _order = [];
    private AgentSum? _former;

    /// <summary>The account of a stream. Nobody but the same agent comes to it.</summary>
    public AgentAccount Of(string agent, SectionOrigin origin)
    {
        lock (_gate)
        {
            if (_accounts.TryGetValue((agent, origin.Stream), out AgentAccount? account)) return account;
            if (_accounts.Count >= Most) AddUpOne();
            _accounts.Add((agent, origin.Stream), account = new AgentAccount(agent, origin));
            _order.Enqueue((agent, origin.Stream));
            return account;
        }
    }

    /// <summary>One sum for each stream; those that were added up are the first.</summary>
    public IReadOnlyList<AgentSum> Read()
    {
        lock (_gate) return [.. _former is null ? (AgentSum[])[] : [_former], .. _accounts.Values.Select(account => account.Read())];
    }

    private void AddUpOne()
    {
        for (int i = 0; i < _order.Count; i++)
        {
            (string, Guid) oldest = _order.Dequeue();
            if (_accounts[oldest].IsConnected)
            {
                _order.Enqueue(oldest);
                continue;
            }

            AgentSum sum = _accounts[oldest].Read();
            _former = (_former ?? new AgentSum("former agents", "", 0, 0) { IsWhole = true }).Plus(sum);
            _accounts.Remove(oldest);
            return;
        }
    }
}
