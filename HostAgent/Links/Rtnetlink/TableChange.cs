namespace HostAgent.Links;

/// <summary>What a message did to the tables.</summary>
[Flags]
internal enum TableChange
{
    None = 0,

    /// <summary>A snapshot would now look different.</summary>
    Content = 1,

    /// <summary>The host routes have to be read again.</summary>
    RoutesStale = 2,
}
