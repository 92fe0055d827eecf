namespace HostAgent.Interop;

/// <summary>linux/net_namespace.h: the ids by which one network namespace knows others (rtnetlink).</summary>
internal static class LinuxNetNamespace
{
    public const ushort RTM_GETNSID = 90;

    public const ushort NETNSA_NSID = 1;
    public const ushort NETNSA_FD = 3;

    /// <summary>NETNSA_NSID_NOT_ASSIGNED: no link of this namespace has its other end there.</summary>
    public const int NotAssigned = -1;
}
