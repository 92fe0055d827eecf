using HostAgent.Filters;

namespace HostAgent.Commands;

/// <summary>What <c>tap</c> is asked for.</summary>
/// <param name="Pod">NAMESPACE/NAME.</param>
public sealed record TapOptions(string Pod)
{
    /// <summary>Stands for stdout.</summary>
    public const string Stdout = "-";

    /// <summary>The frames that are wanted; null for all.</summary>
    public FrameFilter? Filter { get; init; }

    /// <summary>Where the capture is written: a path, or <see cref="Stdout"/>; null for nowhere.</summary>
    public string? Write { get; init; }

    /// <summary>After how many frames it ends; null for never.</summary>
    public long? Count { get; init; }

    /// <summary>After what time it ends; null for never.</summary>
    public TimeSpan? Duration { get; init; }

    /// <summary>Whether a line is printed for each frame.</summary>
    public bool Print { get; init; }
}
