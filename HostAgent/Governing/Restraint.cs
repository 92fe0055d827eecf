namespace HostAgent.Governing;

/// <summary>What the governor asks of those who mirror.</summary>
/// <param name="Level">What is left of each rule's traffic.</param>
/// <param name="Cores">How much CPU the sending may take, flows being given up for it; null for as much as it needs.</param>
public readonly record struct Restraint(GovernorLevel Level, double? Cores = null);
