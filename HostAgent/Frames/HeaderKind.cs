namespace HostAgent.Frames;

/// <summary>A header whose length or checksum fields change when a super-frame is cut.</summary>
internal enum HeaderKind : byte
{
    IPv4,
    IPv6,

    /// <summary>UDP around a tunnel (VXLAN, Geneve).</summary>
    Udp,
}
