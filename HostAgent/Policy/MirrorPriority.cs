namespace HostAgent.Policy;

/// <summary>What overload takes first: all that is low, then all that is normal.</summary>
public enum MirrorPriority
{
    Low,
    Normal,
    High,
}
