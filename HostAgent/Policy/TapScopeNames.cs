namespace HostAgent.Policy;

/// <summary>The spellings of <see cref="TapScope"/> in the policy and in JSON; stable, since scripts depend on them.</summary>
internal static class TapScopeNames
{
    public static readonly string[] All = ["scope", "any"];

    public static string Name(this TapScope scope) => All[(int)scope];
}
