namespace HostAgent.Links;

/// <summary>The spellings of <see cref="PodState"/> in JSON, metrics, tables and the log; stable, since scripts depend on them.</summary>
public static class PodStateNames
{
    public static string Name(this PodState state) => state switch
    {
        PodState.NotSelected => "not-selected",
        PodState.Captured => "captured",
        PodState.Pending => "pending",
        PodState.Unsupported => "unsupported",
        _ => throw new ArgumentOutOfRangeException(nameof(state), state, null),
    };
}
