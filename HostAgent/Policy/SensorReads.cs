namespace HostAgent.Policy;

/// <summary>How the sensor reads, which decides the transport that serves it.</summary>
public enum SensorReads
{
    /// <summary>It sniffs its interface, as Zeek and Suricata do: datagrams are written onto its link.</summary>
    Sniff,

    /// <summary>It receives UDP on a socket, as a program or a kernel vxlan device does: datagrams are sent through UDP sockets.</summary>
    Socket,

    /// <summary>It reads a capture file's format, which comes over a TCP connection from the agent.</summary>
    Stream,
}
