namespace HostAgent.Deciding;

/// <summary>The spellings of <see cref="ScopeChange"/> in metrics, JSON and the log; stable, since scripts depend on them.</summary>
public static class ScopeChangeNames
{
    public static string Name(this ScopeChange change) => change switch
    {
        ScopeChange.Added => "added",
        ScopeChange.Removed => "removed",
        ScopeChange.Changed => "changed",
        _ => throw new ArgumentOutOfRangeException(nameof(change), change, null),
    };
}
