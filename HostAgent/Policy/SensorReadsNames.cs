namespace HostAgent.Policy;

/// <summary>
/// The spellings of <see cref="SensorReads"/> in JSON, metrics, tables and the log; stable, since scripts depend on them.
/// </summary>
public static class SensorReadsNames
{
    public static string Name(this SensorReads reads) => reads switch
    {
        SensorReads.Sniff => "sniff",
        SensorReads.Socket => "socket",
        _ => throw new ArgumentOutOfRangeException(nameof(reads), reads, null),
    };
}
