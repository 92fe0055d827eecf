namespace HostAgent.Bench.Traffic;

internal enum LoadKind
{
    /// <summary>One TCP connection, in writes of 128 KiB.</summary>
    BulkTcp,

    /// <summary>UDP datagrams with 64 bytes of payload.</summary>
    SmallUdp,

    /// <summary>TCP connections with one request of 200 bytes and one answer of 4,096 each.</summary>
    ShortTcp,
}
