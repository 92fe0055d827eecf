namespace HostAgent.E2E.Running;

/// <summary>What the suite was given, in its environment. docs/e2e.md has what each means.</summary>
internal static class Settings
{
    /// <summary>The directory with the scripts that make clusters; null for the cluster of KUBECONFIG.</summary>
    public static string? ClusterDirectory => Value("CLUSTER");

    public static string[] Cnis => (Value("CNIS") ?? "ptp bridge").Split(' ', StringSplitOptions.RemoveEmptyEntries);

    public static string Image => Value("IMAGE") ?? "docker.io/library/host-agent:dev";

    public static string ToolsImage => Value("TOOLS_IMAGE") ?? "nicolaka/netshoot:latest";

    public static TimeSpan Soak => TimeSpan.FromMinutes(double.Parse(Value("SOAK")!));

    public static bool Has(string variable) => Value(variable) is not null;

    private static string? Value(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? value : null;
}
