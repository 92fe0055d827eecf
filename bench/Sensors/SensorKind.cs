namespace HostAgent.Bench.Sensors;

/// <summary>Who receives.</summary>
internal enum SensorKind
{
    /// <summary>In a pod with MTU 9000, sniffs its interface from a ring, as Zeek and Suricata do.</summary>
    Sniff,

    /// <summary>In a pod with MTU 1500, reads a UDP socket (recvmmsg, UDP_GRO).</summary>
    Socket,

    /// <summary>In the pod with MTU 9000, reads a stream of pcap records from a TCP connection.</summary>
    Stream,

    /// <summary>In the same pod, takes the stream in TLS, as another host would (the policy's sensor.offHost).</summary>
    StreamTls,

    /// <summary>On the host network, sniffs lo.</summary>
    LoSniff,

    /// <summary>On the host network, reads a UDP socket.</summary>
    LoSocket,
}
