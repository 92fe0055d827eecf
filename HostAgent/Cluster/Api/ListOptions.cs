namespace HostAgent.Cluster;

/// <summary>
/// How a resource is listed or watched (meta/v1 ListOptions, as far as the agent uses it); null for the server's own default.
/// </summary>
internal sealed record ListOptions
{
    /// <summary>Objects per page. A server that answers from its watch cache ignores it.</summary>
    public int? Limit { get; init; }

    /// <summary>metadata.continue of the page before.</summary>
    public string? Continue { get; init; }

    /// <summary>
    /// Of a list: at least as new as this, <c>0</c> for whatever the server has in its cache. Of a watch: events after this.
    /// </summary>
    public string? ResourceVersion { get; init; }

    public bool? Watch { get; init; }

    public bool? AllowWatchBookmarks { get; init; }

    /// <summary>When the server shall end a watch, in seconds.</summary>
    public int? TimeoutSeconds { get; init; }
}
