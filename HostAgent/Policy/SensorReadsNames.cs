namespace HostAgent.Policy;

/// <summary>
/// The spellings of <see cref="SensorReads"/> in JSON, metrics, tables and the log; stable, since scripts depend on them.
/// </summary>
public static class SensorReadsNames
{
    internal static readonly string[] All = ["sniff", "socket", "stream"];

    public static string Name(this SensorReads reads) => All[(int)reads];
}
