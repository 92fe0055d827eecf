using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace HostAgent.Observability;

/// <summary>
/// A connection that has one of the places of its listener until its descriptor is closed; a feature of each of its requests. That the
/// peer has closed it is not enough: an answer may still be on its way, and of peers that come and go in thousands the descriptors would
/// pile up.
/// </summary>
internal sealed class AcceptedConnection : ConnectionContext
{
    private readonly BoundedListener _listener;
    private readonly ConnectionContext _connection;

    public AcceptedConnection(BoundedListener listener, ConnectionContext connection)
    {
        _listener = listener;
        _connection = connection;
        Place = new LinkedListNode<AcceptedConnection>(this);
        connection.Features.Set(this);
    }

    /// <summary>The listener is bound to a loopback address, so not to a wildcard either.</summary>
    public bool Loopback => _listener.Loopback;

    /// <summary>Among those of the listener; the listener's own, under its lock.</summary>
    public LinkedListNode<AcceptedConnection> Place { get; }

    public override string ConnectionId
    {
        get => _connection.ConnectionId;
        set => _connection.ConnectionId = value;
    }

    public override IFeatureCollection Features => _connection.Features;

    public override IDictionary<object, object?> Items
    {
        get => _connection.Items;
        set => _connection.Items = value;
    }

    public override IDuplexPipe Transport
    {
        get => _connection.Transport;
        set => _connection.Transport = value;
    }

    public override CancellationToken ConnectionClosed
    {
        get => _connection.ConnectionClosed;
        set => _connection.ConnectionClosed = value;
    }

    public override EndPoint? LocalEndPoint
    {
        get => _connection.LocalEndPoint;
        set => _connection.LocalEndPoint = value;
    }

    public override EndPoint? RemoteEndPoint
    {
        get => _connection.RemoteEndPoint;
        set => _connection.RemoteEndPoint = value;
    }

    /// <summary>A whole request has come over it.</summary>
    public void Asked() => _listener.Asked(this);

    /// <summary>Closes its socket before it returns.</summary>
    public void Evict() => _connection.Abort(new ConnectionAbortedException("a newer connection has its place"));

    public override void Abort(ConnectionAbortedException abortReason) => _connection.Abort(abortReason);

    public override async ValueTask DisposeAsync()
    {
        try
        {
            await _connection.DisposeAsync().ConfigureAwait(false);
        }
        finally
        {
            _listener.Leave(this);
        }

        await base.DisposeAsync().ConfigureAwait(false);
    }
}
