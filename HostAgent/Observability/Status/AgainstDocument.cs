using System.Text.Json.Serialization;
using HostAgent.Deciding;
using HostAgent.Policy;

namespace HostAgent.Observability;

/// <summary>The JSON of what <c>check --against</c> adds. Names and their order are a contract with scripts.</summary>
/// <param name="PolicyRevision">Of the policy compared with.</param>
/// <param name="Sensor">Who receives by that policy.</param>
/// <param name="Seconds">How long links were watched for the estimates.</param>
/// <param name="Rules">Of the new policy.</param>
/// <param name="OldRules">Of the one compared with.</param>
/// <param name="Pods">Those for which something changes.</param>
/// <param name="Tap">What changes for <c>tap</c>; null when nothing does.</param>
internal sealed record AgainstDocument(
    string PolicyRevision, StatusDocument.SensorPart Sensor, double Seconds, IEnumerable<AgainstDocument.RulePart> Rules,
    IEnumerable<AgainstDocument.RulePart> OldRules, IEnumerable<AgainstDocument.ChangePart> Pods,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] AgainstDocument.KeyPart? Tap)
{
    public static AgainstDocument? From(PolicyComparison? comparison) => comparison is null ? null : new(
        comparison.OldRevision,
        StatusDocument.Part(comparison.OldSensor),
        Math.Round(comparison.Interval.TotalSeconds, 3),
        comparison.Rules.Select(Part),
        comparison.OldRules.Select(Part),
        comparison.Pods.Select(pod => new ChangePart(
            pod.Change.Name(), pod.Pod.Namespace, pod.Pod.Name, pod.Pod.Uid,
            pod.Keys.Select(key => new KeyPart(key.Key, key.Old, key.New)), pod.Reason)),
        comparison.Tap.Old == comparison.Tap.Now ? null : new KeyPart("tap", comparison.Tap.Old.Name(), comparison.Tap.Now.Name()));

    private static RulePart Part(RuleScope scope) => new(
        scope.Rule.Name,
        scope.Pods.Select(pod => pod.ToString()),
        scope.Shadowed.Select(shadow => new ShadowPart(shadow.By.Name, shadow.Pods.Select(pod => pod.ToString()))),
        Math.Round(scope.Rate.FramesPerSecond, 1),
        Math.Round(scope.Rate.BitsPerSecond));

    internal sealed record RulePart(
        string Name, IEnumerable<string> Pods, IEnumerable<ShadowPart> Shadowed, double FramesPerSecond, double BitsPerSecond);

    internal sealed record ShadowPart(string By, IEnumerable<string> Pods);

    internal sealed record ChangePart(
        string Change, string Namespace, string Name, string Uid, IEnumerable<KeyPart> Keys, string? Reason);

    internal sealed record KeyPart(string Key, string? Old, string? New);
}
