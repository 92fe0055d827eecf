namespace HostAgent.Tests.Cluster;

/// <summary>What the test's API server does instead of, or after, sending an event.</summary>
internal enum StreamFault
{
    None,

    /// <summary>Half of the event, then a reset.</summary>
    Reset,

    /// <summary>Half of the event, then an orderly end.</summary>
    Cut,

    /// <summary>A line that is no JSON.</summary>
    Garbage,

    /// <summary>An ERROR event with code 410.</summary>
    Gone,

    /// <summary>An ERROR event with code 500.</summary>
    Error,

    /// <summary>Nothing ever again, on a connection that lives.</summary>
    Mute,

    /// <summary>An orderly end between two events.</summary>
    End,
}
