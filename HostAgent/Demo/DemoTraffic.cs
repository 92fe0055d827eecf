using HostAgent.Lab;

namespace HostAgent.Demo;

/// <summary>
/// The demo's traffic: bulk TCP with offload, small UDP, DNS and short HTTP, over routed and bridged links, IPv4 and IPv6.
/// </summary>
internal static class DemoTraffic
{
    /// <summary>Of bulk TCP: 1 Gbit/s, which two cores carry, mirror and judge at the same time.</summary>
    private const double BulkBytesPerSecond = 125e6;

    /// <summary>Runs until cancelled; then every connection is closed in good order. What fails before ends the whole.</summary>
    /// <returns>What was carried, in words.</returns>
    public static async Task<string> RunAsync(DemoNetwork network, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        CancellationToken stopped = stop.Token;
        PodNetwork api = network.Api, db = network.Db, frontend = network.Frontend, dns = network.Dns;
        Task<long>[] bulk =
        [
            Run(BulkTcp.RunAsync(api, db, db.Ipv4, BulkBytesPerSecond * 0.8, long.MaxValue, stopped)),
            Run(BulkTcp.RunAsync(db, frontend, frontend.Ipv6 ?? frontend.Ipv4, BulkBytesPerSecond * 0.2, long.MaxValue, stopped)),
        ];
        Task<long>[] datagrams =
        [
            Run(SmallUdp.RunAsync(frontend, api, api.Ipv4, 4000, long.MaxValue, 64, stopped)),
            Run(SmallUdp.RunAsync(api, dns, dns.Ipv6 ?? dns.Ipv4, 1000, long.MaxValue, 32, stopped)),
        ];
        Task<long>[] queries =
        [
            Run(DnsQueries.RunAsync(frontend, dns, dns.Ipv4, 200, long.MaxValue, stopped)),
        ];
        Task<long>[] requests =
        [
            Run(ShortHttp.RunAsync(frontend, api, api.Ipv4, 100, long.MaxValue, stopped)),
            Run(ShortHttp.RunAsync(api, frontend, frontend.Ipv4, 50, long.MaxValue, stopped)),
        ];
        await Task.WhenAll([.. bulk, .. datagrams, .. queries, .. requests]).ConfigureAwait(false);
        return $"{Sum(bulk) / 1e6:N0} MB of bulk TCP, {Sum(datagrams):N0} UDP datagrams, "
            + $"{Sum(queries):N0} DNS queries, {Sum(requests):N0} HTTP requests";

        async Task<long> Run(Task<long> traffic)
        {
            try
            {
                return await traffic.ConfigureAwait(false);
            }
            catch
            {
                await stop.CancelAsync().ConfigureAwait(false);
                throw;
            }
        }
    }

    private static long Sum(Task<long>[] ended) => ended.Sum(task => task.Result);
}
