using System.Net;

namespace HostAgent.Demo;

/// <summary>What an independent sensor (tshark) saw of one connection inside the tunnel.</summary>
internal sealed class Conversation
{
    /// <summary>Of the first packet, in seconds of Unix time.</summary>
    public required double Begin { get; init; }

    public required string Protocol { get; init; }

    /// <summary>Who sent the first packet.</summary>
    public required IPEndPoint Origin { get; init; }

    public required IPEndPoint Responder { get; init; }

    /// <summary>What the sensor takes the payload for; null for nothing it knows.</summary>
    public string? Service { get; set; }

    public double End { get; set; }

    /// <summary>Payload in bytes, from each side.</summary>
    public long OriginBytes { get; set; }

    public long ResponderBytes { get; set; }
}
