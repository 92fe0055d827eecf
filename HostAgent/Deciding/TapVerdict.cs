namespace HostAgent.Deciding;

/// <summary>What the agent says to a tap.</summary>
internal enum TapVerdict
{
    /// <summary>It may be, once something that is expected has arrived: a link, or a pod of the same name.</summary>
    Waiting,

    /// <summary>It may be, on these links.</summary>
    Granted,

    /// <summary>The pod has ended, and will not have a network again.</summary>
    Finished,

    /// <summary>It must not or cannot be; the reason says why.</summary>
    Refused,
}
