namespace HostAgent.Deciding;

/// <summary>How what is captured changes, of one pod.</summary>
public enum ScopeChange
{
    /// <summary>Its frames are captured from now on.</summary>
    Added,

    /// <summary>They are not any more.</summary>
    Removed,

    /// <summary>They still are: by another rule, in another VNI, from other links, or for another sensor.</summary>
    Changed,
}
