namespace HostAgent.Accounts;

/// <summary>The names that reasons carry on the ledger, in metrics and in JSON; stable, since scripts and alerts depend on them.</summary>
public static class LossReasonNames
{
    private static readonly string[] Names =
    [
        "kernel_ring", "no_sensor", "send_error", "out_of_scope", "malformed", "oversize", "truncated",
        "own_tunnel", "duplicate", "overload", "filter", "sample", "slice", "rate", "sensor_slow", "fault",
    ];

    public static int Count => Names.Length;

    public static string Name(this LossReason reason) => Names[(int)reason];
}
