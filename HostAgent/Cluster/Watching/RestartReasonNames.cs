namespace HostAgent.Cluster;

/// <summary>The values of the label <c>reason</c> of hostagent_watch_restarts_total.</summary>
public static class RestartReasonNames
{
    private static readonly string[] Names =
        ["ended", "expired", "timeout", "unauthorized", "forbidden", "throttled", "status", "malformed", "connection", "error"];

    public static int Count => Names.Length;

    public static string Name(this RestartReason reason) => Names[(int)reason];
}
