namespace HostAgent.Sensors;

/// <summary>
/// The spellings of <see cref="SensorState"/> in JSON, metrics, tables and the log; stable, since scripts depend on them.
/// </summary>
public static class SensorStateNames
{
    public static string Name(this SensorState state) => state switch
    {
        SensorState.Ready => "ready",
        SensorState.Missing => "missing",
        SensorState.Refused => "refused",
        SensorState.Connecting => "connecting",
        _ => throw new ArgumentOutOfRangeException(nameof(state), state, null),
    };
}
