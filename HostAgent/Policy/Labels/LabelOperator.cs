namespace HostAgent.Policy;

/// <summary>The operators of meta/v1 LabelSelectorRequirement.</summary>
public enum LabelOperator
{
    In,
    NotIn,
    Exists,
    DoesNotExist,
}
