using Microsoft.AspNetCore.Connections;

namespace HostAgent.Observability;

/// <summary>A connection that has one of the places of its listener; a feature of each of its requests.</summary>
internal sealed class AcceptedConnection
{
    private readonly BoundedListener _listener;
    private readonly ConnectionContext _connection;

    public AcceptedConnection(BoundedListener listener, ConnectionContext connection)
    {
        _listener = listener;
        _connection = connection;
        Place = new LinkedListNode<AcceptedConnection>(this);
    }

    /// <summary>The listener is bound to a loopback address, so not to a wildcard either.</summary>
    public bool Loopback => _listener.Loopback;

    /// <summary>Among those of the listener; the listener's own, under its lock.</summary>
    public LinkedListNode<AcceptedConnection> Place { get; }

    /// <summary>A whole request has come over it.</summary>
    public void Asked() => _listener.Asked(this);

    /// <summary>It is closed, by whomever.</summary>
    public void Leave() => _listener.Leave(this);

    /// <summary>Closes its socket before it returns.</summary>
    public void Evict() => _connection.Abort(new ConnectionAbortedException("a newer connection has its place"));
}
