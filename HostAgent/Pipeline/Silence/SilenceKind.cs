namespace HostAgent.Pipeline;

/// <summary>What the sensor does not get of a pod.</summary>
internal enum SilenceKind
{
    /// <summary>Anything: frames pass on its links, and none of them is captured.</summary>
    All,

    /// <summary>Frames from the pod.</summary>
    FromPod,

    /// <summary>Frames to the pod.</summary>
    ToPod,

    /// <summary>Anything, since all that is captured and wanted is lost for one reason.</summary>
    Lost,

    /// <summary>Anything, since a filter lets nothing through. It may be meant so.</summary>
    Filtered,
}
