using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>Fields of a decoded frame that the tests of the tunnel ask for.</summary>
internal static class InnerFields
{
    public static int SourceTcp(this DecodedFrame frame) => frame.Integer("tcp.srcport");

    public static int DestinationTcp(this DecodedFrame frame) => frame.Integer("tcp.dstport");

    /// <summary>The payload of the innermost UDP datagram.</summary>
    public static byte[] InnerUdpPayload(this DecodedFrame datagram) =>
        Convert.FromHexString((datagram.Last("udp.payload") ?? "").Replace(":", "", StringComparison.Ordinal));

    /// <summary>Who speaks to whom, in the inner IP header.</summary>
    public static string Way(this DecodedFrame datagram) =>
        $"{datagram.Last("ipv6.src") ?? datagram.Last("ip.src")} > {datagram.Last("ipv6.dst") ?? datagram.Last("ip.dst")}";
}
