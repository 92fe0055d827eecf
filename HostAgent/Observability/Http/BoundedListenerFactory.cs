using System.Net;
using Microsoft.AspNetCore.Connections;

namespace HostAgent.Observability;

/// <summary>Gives each listener of the transport its own places.</summary>
internal sealed class BoundedListenerFactory(IConnectionListenerFactory transport, int places) : IConnectionListenerFactory
{
    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        new BoundedListener(await transport.BindAsync(endpoint, cancellationToken).ConfigureAwait(false), places);
}
