namespace HostAgent.Accounts;

/// <summary>What an operator can do while frames go on being lost, reason by reason.</summary>
public static class LossMends
{
    /// <summary>
    /// What is behind it and what to do, as the end of a sentence. Null where there is nothing to mend, however long it goes on: of a
    /// duplicate the sensor has the other copy, what the filter and the policy leave out is not wanted, the agent's own tunnel is no pod's
    /// traffic, and what is out of scope is what each pod that goes leaves behind in the ring, so it trickles on every node where pods
    /// come and go.
    /// </summary>
    public static string? Mend(this LossReason reason) => reason switch
    {
        LossReason.Duplicate or LossReason.Filter or LossReason.OwnTunnel or LossReason.OutOfScope => null,
        LossReason.Sample or LossReason.Slice or LossReason.Rate => null,
        LossReason.KernelRing => "the ring is full when they come, since the agent does not get to read it; "
            + "raise its CPU limit, or narrow the policy",
        LossReason.NoSensor => "there is no sensor to send them to, and sensor.reason in /status says why; "
            + "start one on this node that the policy selects",
        LossReason.SendError => "the kernel refuses to send them; see that the sensor's link is up, "
            + "where it reads a socket that a route and the host's firewall let them through, and where it reads a stream that it does not "
            + "close it",
        LossReason.Malformed => "their headers contradict each other, which a pod that may open packet sockets can bring about at will; "
            + "hostagent_pod_frames_lost_total names the pod: look at it, or take NET_RAW from it",
        LossReason.Oversize => "they are too long for one datagram, or the sensor's link has no room for a segment beside its headers; "
            + "compare the MTU of the pods' links with that of the sensor's",
        LossReason.Truncated => "they are longer than a block of the ring, 256 KiB; lower gso_max_size of the pods' links to that",
        LossReason.Overload => "they come faster than they can be sent, so whole flows are given up, of the pod that costs most; "
            + "raise the CPU limit, or narrow the policy",
        LossReason.SensorSlow => "the sensor reads its stream more slowly than they come, so whole flows are given up; "
            + "give it more CPU, add a sensor, or narrow the policy",
        LossReason.Fault => "the agent itself failed at them; its log says how: report it",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, null),
    };
}
