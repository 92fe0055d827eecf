using System.Net;
using Microsoft.AspNetCore.Connections;

namespace HostAgent.Observability;

/// <summary>
/// Keeps a fixed number of connections: when all places are taken, an old connection is closed for the new one. So who holds connections
/// open keeps no scrape and no probe away. It is done where connections are accepted, so that the process never has more descriptors than
/// there are places.
/// </summary>
internal sealed class BoundedListener(IConnectionListener inner, int places) : IConnectionListener
{
    private readonly Lock _gate = new();

    // Each in the order in which it may have to go: by when it came, and by when a request last came over it.
    private readonly LinkedList<AcceptedConnection> _unproven = new();
    private readonly LinkedList<AcceptedConnection> _proven = new();

    public EndPoint EndPoint => inner.EndPoint;

    /// <inheritdoc cref="AcceptedConnection.Loopback"/>
    public bool Loopback { get; } = inner.EndPoint is IPEndPoint bound && IPAddress.IsLoopback(bound.Address);

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        if (await inner.AcceptAsync(cancellationToken).ConfigureAwait(false) is not { } connection) return null;
        var accepted = new AcceptedConnection(this, connection);
        Admit(accepted)?.Evict();
        return accepted;
    }

    /// <inheritdoc cref="AcceptedConnection.Asked"/>
    public void Asked(AcceptedConnection connection)
    {
        lock (_gate)
        {
            if (connection.Place.List is not { } list) return;
            list.Remove(connection.Place);
            _proven.AddLast(connection.Place);
        }
    }

    public void Leave(AcceptedConnection connection)
    {
        lock (_gate) connection.Place.List?.Remove(connection.Place);
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => inner.UnbindAsync(cancellationToken);

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    /// <returns>Whose place it got.</returns>
    private AcceptedConnection? Admit(AcceptedConnection connection)
    {
        lock (_gate)
        {
            AcceptedConnection? victim = null;
            if (_unproven.Count + _proven.Count >= places)
            {
                // Half the places are for those that have yet to send their request: with one place only, each would be closed by the next.
                LinkedList<AcceptedConnection> from = _unproven.Count >= (places + 1) / 2 ? _unproven : _proven;
                victim = from.First!.Value;
                from.RemoveFirst();
            }

            _unproven.AddLast(connection.Place);
            return victim;
        }
    }
}
