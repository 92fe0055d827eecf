namespace HostAgent.Relay;

/// <summary>
/// One agent's account at one moment, or that of several together. Records are frames as they left the agent: cut and summed.
/// </summary>
/// <param name="Agent">The subject of the agent's certificate.</param>
/// <param name="Node">The agent's node, as it says.</param>
/// <param name="Received">Records that came.</param>
/// <param name="Missing">Records that the agent has written and that did not come.</param>
internal sealed record AgentSum(string Agent, string Node, long Received, long Missing)
{
    /// <summary>Records that the agent had written before this account began, such as to a receiver that ran here before.</summary>
    public long Before { get; init; }

    /// <summary>Connections that ended because what came was no such stream.</summary>
    public int Malformed { get; init; }

    public int Connections { get; init; }

    /// <summary>Records that were written onto the link.</summary>
    public long Delivered { get; init; }

    /// <summary>Records that were not.</summary>
    public long Lost { get; init; }

    public bool IsConnected { get; init; }

    /// <summary>
    /// Whether the agent has said how many records there were after the last that came. Without, some may be missing that only a further
    /// connection of the same stream would tell of.
    /// </summary>
    public bool IsWhole { get; init; }

    /// <summary>Who it is, for people.</summary>
    public string Name => Node.Length == 0 ? Agent : $"{Node} ({Agent})";

    public AgentSum Plus(AgentSum other) => this with
    {
        Received = Received + other.Received,
        Missing = Missing + other.Missing,
        Before = Before + other.Before,
        Malformed = Malformed + other.Malformed,
        Connections = Connections + other.Connections,
        Delivered = Delivered + other.Delivered,
        Lost = Lost + other.Lost,
        IsConnected = IsConnected || other.IsConnected,
        IsWhole = IsWhole && other.IsWhole,
    };

    /// <summary>One line.</summary>
    public string InWords(bool toLink) => $"written {Received + Missing} = received {Received} + missing {Missing}"
        + (toLink ? $"; onto the link {Delivered}, lost there {Lost}" : "")
        + $"; {Connections} connections, {Malformed} malformed" + (Before > 0 ? $"; {Before} were written before" : "")
        + (IsWhole || IsConnected ? "" : "; ended without a last word");
}
