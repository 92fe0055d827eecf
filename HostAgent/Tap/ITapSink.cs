namespace HostAgent.Tap;

/// <summary>Where tapped frames go. One thread at a time.</summary>
internal interface ITapSink
{
    /// <summary>Frames of this link may follow.</summary>
    void Begin(TapLink link);

    /// <summary>A frame as the wire has it, in two parts.</summary>
    /// <param name="link">Begun before.</param>
    /// <param name="timestamp">Nanoseconds of Unix time.</param>
    /// <param name="head">From the Ethernet header on; its memory is not kept.</param>
    /// <param name="rest">What follows, or nothing.</param>
    void Take(TapLink link, long timestamp, ReadOnlySpan<byte> head, ReadOnlySpan<byte> rest);

    /// <summary>What was taken is to be seen by whoever reads.</summary>
    /// <returns>False when nobody reads any more.</returns>
    /// <exception cref="IOException">It cannot be written.</exception>
    bool Flush();

    /// <summary>Nothing follows.</summary>
    /// <inheritdoc cref="Flush"/>
    bool End(IReadOnlyCollection<TapLink> links);
}
