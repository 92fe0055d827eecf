using HostAgent.Policy;

namespace HostAgent.Governing;

/// <summary>How much CPU the agent may use, and who says so.</summary>
/// <param name="Budget">How much.</param>
/// <param name="OfPolicy">True when the policy says so; false when it follows from the cgroup's quota.</param>
public readonly record struct BudgetInForce(CpuBudget Budget, bool OfPolicy)
{
    /// <summary>The part of the quota that is used: at the quota itself the kernel stops the agent, and the ring overflows.</summary>
    public const double OfQuota = 0.9;

    /// <summary>Null when neither says anything. A policy cannot give more than the quota does.</summary>
    /// <param name="policy">What the policy says.</param>
    /// <param name="quota">The cgroup's quota, in cores.</param>
    public static BudgetInForce? Of(CpuBudget? policy, double? quota)
    {
        CpuBudget? ofQuota = quota is { } cores
            ? new CpuBudget((int)Math.Clamp(Math.Round(cores * OfQuota * 1000), 1, CpuBudget.Most))
            : null;
        if (policy is { } said && (ofQuota is null || said.Millicores <= ofQuota.Value.Millicores)) return new(said, OfPolicy: true);
        return ofQuota is { } follows ? new(follows, OfPolicy: false) : null;
    }

    public override string ToString() => OfPolicy ? $"{Budget} (policy)" : $"{Budget} (nine tenths of the cgroup's quota)";
}
