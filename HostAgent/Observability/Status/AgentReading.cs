namespace HostAgent.Observability;

/// <summary>What the agent says of itself at one moment.</summary>
/// <param name="Status">/status.</param>
/// <param name="Pods">Of /metrics, by namespace and pod.</param>
internal sealed record AgentReading(StatusDocument Status, IReadOnlyDictionary<(string Namespace, string Pod), PodCounts> Pods)
{
    public StatusDocument.LedgerPart Ledger => Status.Ledger!;

    /// <summary>The counters of a pod; none when it has none.</summary>
    public PodCounts Of(StatusDocument.PodPart pod) => Pods.GetValueOrDefault((pod.Namespace, pod.Name));

    public long Lost => Ledger.Losses.Values.Sum();

    /// <summary>seen = delivered + in flight + losses, with nothing in flight: everything is accounted for.</summary>
    public bool Balances => Ledger.Seen == Ledger.Delivered + Ledger.InFlight + Lost && Ledger.InFlight == 0;

    /// <summary>The pods that the policy selects.</summary>
    public IEnumerable<StatusDocument.PodPart> InScope => Status.Pods.Where(pod => pod.Rule is not null);

    public IEnumerable<StatusDocument.PodPart> Captured => Status.Pods.Where(pod => pod.State == "captured");

    /// <summary>The losses that there are, such as <c>kernel_ring 12</c>; "none" without any.</summary>
    public string LossesInWords => Lost == 0
        ? "none"
        : string.Join(", ", Ledger.Losses.Where(loss => loss.Value != 0).Select(loss => $"{loss.Key} {loss.Value:N0}"));

    /// <summary>The ledger's sum, in one line.</summary>
    public string LedgerInWords =>
        $"ledger: seen {Ledger.Seen:N0} = delivered {Ledger.Delivered:N0} + in flight {Ledger.InFlight:N0} "
        + $"+ lost {Lost:N0} ({LossesInWords}); segments {Ledger.Segments:N0}";

    /// <summary>In short, for a message.</summary>
    public override string ToString() =>
        $"sensor {Status.Sensor.State} {Status.Sensor.Reason}; "
        + string.Concat(Status.Pods.Select(pod => $"{pod.Namespace}/{pod.Name} {pod.State} {pod.Reason}; "))
        + $"seen {Ledger.Seen}, delivered {Ledger.Delivered}, in flight {Ledger.InFlight}, lost {LossesInWords}";
}
