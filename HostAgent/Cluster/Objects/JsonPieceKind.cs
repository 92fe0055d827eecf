namespace HostAgent.Cluster;

/// <summary>What a piece of a JSON stream is.</summary>
internal enum JsonPieceKind
{
    /// <summary>A value of the stream, whole.</summary>
    Value,

    /// <summary>An element of a list's items.</summary>
    Item,

    /// <summary>A list's metadata.</summary>
    Metadata,
}
