namespace HostAgent.Governing;

/// <summary>How hard a brake is pressed at the moment.</summary>
/// <param name="Brake">Which.</param>
/// <param name="Ratio">What was measured, in parts of its limit: above 1 it is too much.</param>
/// <param name="InWords">What was measured beside its limit, as the end of a sentence.</param>
public readonly record struct Strain(Brake Brake, double Ratio, string InWords);
