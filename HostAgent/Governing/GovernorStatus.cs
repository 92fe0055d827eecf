namespace HostAgent.Governing;

/// <summary>What the governor says of itself, for /status, metrics and <c>check</c>.</summary>
/// <param name="Budget">How much CPU the agent may use; null when nobody says.</param>
public sealed record GovernorStatus(BudgetInForce? Budget)
{
    public GovernorLevel Level { get; init; }

    /// <summary>Why it is at this level, as the end of a sentence; null before the first step.</summary>
    public string? Reason { get; init; }

    /// <summary>Since when it is at this level; null where no governor runs.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>How much CPU the agent used lately, in cores; null where no governor runs.</summary>
    public double? CoresUsed { get; init; }

    public long StepsDown { get; init; }

    public long StepsUp { get; init; }

    /// <summary>What is asked of those who mirror.</summary>
    public Restraint Restraint => new(Level, Level == GovernorLevel.Shed ? Budget?.Budget.Cores * Governor.Room : null);
}
