using HostAgent.Accounts;
using HostAgent.Tunnel;

namespace HostAgent.Relay;

/// <summary>
/// What became of one agent's stream, across all its connections: of the records that the agent has written, each is received or missing.
/// One connection writes at a time; any thread may read.
/// </summary>
/// <param name="agent">The subject of the agent's certificate.</param>
/// <param name="origin">Of its first section here.</param>
internal sealed class AgentAccount(string agent, SectionOrigin origin) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1);
    private AgentConnection? _holder;
    private long _next = origin.First, _received, _missing;
    private int _malformed, _connections;
    private volatile bool _ended;

    public string Agent => agent;

    public string Node => origin.Node;

    public Guid Stream => origin.Stream;

    /// <summary>How many have it open; the <see cref="AccountBook"/>'s.</summary>
    public int Openings { get; set; }

    /// <summary>What its frames became behind the receiver, where that is a link.</summary>
    public ShardLedger Output { get; } = new();

    public bool IsConnected => Volatile.Read(ref _holder) is not null;

    /// <summary>
    /// Makes a connection the only one that writes. One before it has no more to say: its agent has given it up, which the network need not
    /// have told.
    /// </summary>
    public async Task TakeAsync(AgentConnection connection, CancellationToken cancellation)
    {
        Volatile.Read(ref _holder)?.Abort();
        await _turn.WaitAsync(cancellation).ConfigureAwait(false);
        Volatile.Write(ref _holder, connection);
        _connections++;
    }

    /// <summary>Lets the next one write, if it was this one's turn at all.</summary>
    public void Leave(AgentConnection connection)
    {
        if (Volatile.Read(ref _holder) != connection) return;
        Volatile.Write(ref _holder, null);
        _turn.Release();
    }

    /// <summary>A section begins: what the agent has written since the last record that came is missing.</summary>
    /// <exception cref="MalformedStreamException">The agent has written less than was received.</exception>
    public void Begin(long first)
    {
        if (first < _next) throw new MalformedStreamException($"a section begins at record {first}, and {_next} have come before");
        Volatile.Write(ref _missing, _missing + first - _next);
        _next = first;
        _ended = true;
    }

    public void Record()
    {
        _next++;
        _ended = false;
        Volatile.Write(ref _received, _received + 1);
    }

    /// <inheritdoc cref="AgentSum.IsWhole"/>
    public bool IsWhole => _ended;

    public void Malformed() => Interlocked.Increment(ref _malformed);

    public AgentSum Read()
    {
        LedgerSnapshot output = Output.AddTo(LedgerSnapshot.Empty);
        return new AgentSum(agent, origin.Node, Volatile.Read(ref _received), Volatile.Read(ref _missing))
        {
            Before = origin.First,
            Malformed = Volatile.Read(ref _malformed),
            Connections = _connections,
            Delivered = output.Delivered,
            Lost = output.Losses.Sum(),
            IsConnected = IsConnected,
            IsWhole = _ended,
        };
    }

    public void Dispose() => _turn.Dispose();
}
