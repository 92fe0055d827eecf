namespace HostAgent.Cluster;

/// <summary>How long the agent waits for the API server.</summary>
public sealed record ApiTimeouts
{
    public TimeSpan Connect { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>For the headers of an answer, and between two pieces of a list.</summary>
    public TimeSpan Answer { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>For a verdict on who may look. Whoever waits for it is a scraper that would give up after 10 s.</summary>
    public TimeSpan Review { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>For an event. Nobody waits for it, and the next is tried after it.</summary>
    public TimeSpan Event { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// After how long the server is asked to end a watch: this and up to a quarter more, so that the agents of a cluster do not return
    /// together. It bounds for how long a watch that is alive but mute goes unnoticed, and starting one again costs the server little.
    /// </summary>
    public TimeSpan Watch { get; init; } = TimeSpan.FromSeconds(150);

    /// <summary>How much longer than the server's own limit a watch may last.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A connection on which nothing has come for this long is pinged …</summary>
    public TimeSpan PingAfter { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>… and given up when no answer comes within this.</summary>
    public TimeSpan PingAnswer { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>For a credential plugin. Less than <see cref="Answer"/>, which a request that waits for it has.</summary>
    public TimeSpan Plugin { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Before a credential plugin runs again: longer each time while it fails, or gives what the server refuses.</summary>
    public Backoff PluginPause { get; init; } = new(TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(2), TimeSpan.Zero);
}
