namespace HostAgent.Policy;

/// <summary>The spellings of <see cref="MirrorPriority"/> in the policy, JSON and tables; stable, since scripts depend on them.</summary>
public static class MirrorPriorityNames
{
    internal static readonly string[] All = ["low", "normal", "high"];

    public static string Name(this MirrorPriority priority) => All[(int)priority];
}
