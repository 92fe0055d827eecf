using System.Net;

namespace HostAgent.Commands;

/// <summary>What <c>receive</c> is asked for.</summary>
/// <param name="Listen">Where agents connect to; a port of 0 lets the kernel choose.</param>
/// <param name="Authority">The path of the authorities that issue agents' certificates.</param>
/// <param name="Certificate">The path of the certificate that is shown.</param>
/// <param name="Key">The path of its private key.</param>
public sealed record ReceiveOptions(IPEndPoint Listen, string Authority, string Certificate, string Key)
{
    /// <summary>The link onto which VXLAN is written; null when <see cref="ToFile"/> is given.</summary>
    public string? ToLink { get; init; }

    /// <summary>The outer destination address of that VXLAN.</summary>
    public IPAddress? Address { get; init; }

    /// <summary>The file that pcapng is written to, or - for stdout; null when <see cref="ToLink"/> is given.</summary>
    public string? ToFile { get; init; }

    /// <summary>Whether the sum at the end is JSON.</summary>
    public bool Json { get; init; }
}
