namespace HostAgent.Policy;

/// <summary>
/// What a selector selects, label by label: an object matches exactly when each of its labels, or the absence of it, is in that label's
/// set. So of two selectors it can be told without any object whether one selects all that the other does.
/// </summary>
internal sealed class LabelSpace
{
    private readonly Dictionary<string, LabelValues> _labels = new(StringComparer.Ordinal);

    public LabelSpace(LabelSelector selector)
    {
        foreach (LabelRequirement requirement in selector.Requirements)
        {
            LabelValues values = LabelValues.Of(requirement);
            _labels[requirement.Key] = _labels.TryGetValue(requirement.Key, out LabelValues? others) ? others.And(values) : values;
            if (_labels[requirement.Key].IsEmpty) Contradiction ??= requirement.Key;
        }
    }

    /// <summary>A label that can be nothing that the selector asks of it, so that nothing is selected; null when there is none.</summary>
    public string? Contradiction { get; }

    /// <summary>Whether all that it selects is selected by the other, too.</summary>
    public bool IsWithin(LabelSpace other) => Contradiction is not null
        || other._labels.All(label => _labels.GetValueOrDefault(label.Key, LabelValues.Any).IsWithin(label.Value));
}
