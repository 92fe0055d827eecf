using System.Globalization;
using HostAgent.Accounts;
using HostAgent.Deciding;
using HostAgent.Sensors;

namespace HostAgent.Observability;

/// <summary>
/// The coverage list for people: one row a link, or a pod that has none, then the sensor, the warnings and, apart from them, the notes.
/// </summary>
internal static class CoverageTable
{
    private static readonly string[] Heads = ["NAMESPACE", "POD", "STATE", "RULE", "VNI", "LINK", "FOUND BY"];
    private static readonly string[] Totals = ["FRAMES", "LOST"];
    private static readonly string[] Rates = ["FRAMES/S", "MBIT/S", "LOST"];

    /// <summary>What would be captured.</summary>
    public static StatusTable Of(AgentStatus status)
    {
        var document = StatusDocument.From(status, ledger: null);
        StatusTable table = Pods(document, [], _ => []);
        table.AddLine(Summary(document, "would be captured"));
        AddSensor(table, document);
        if (status.Governor.Budget is { } budget) table.AddLine($"CPU budget of the agent: {budget}.");
        AddRules(table, document);
        AddWarnings(table, document);
        if (status.Against is not { } comparison) return table;
        table.AddLine("");
        foreach (string line in AgainstText.Lines(status, comparison)) table.AddLine(line);
        return table;
    }

    /// <summary>What is captured.</summary>
    /// <param name="reading">What the agent says.</param>
    /// <param name="rates">How fast frames come; null for how many have come.</param>
    public static StatusTable Of(AgentReading reading, PodRates? rates)
    {
        StatusDocument document = reading.Status;
        StatusTable table = Pods(document, rates is null ? Totals : Rates, pod =>
        {
            if (pod.State != "captured") return null;
            PodCounts counts = reading.Of(pod);
            if (rates is null) return [$"{counts.Frames:N0}", $"{counts.Lost:N0}"];
            (string frames, string megabits) = rates.Of(pod);
            return [frames, megabits, $"{counts.Lost:N0}"];
        });
        table.AddLine(Summary(document, "are captured"));
        AddSensor(table, document);
        if (document.Governor is { Level: not null } governor) table.AddLine(GovernorLine(governor));
        AddRules(table, document);
        table.AddLine($"Since the agent's start, {reading.LedgerInWords}");
        foreach ((string name, long count) in reading.Ledger.Losses.Where(loss => loss.Value > 0))
            table.AddLine($"Lost as {name}: {count:N0} frames{(Mend(name) is { } mend ? $"; {mend}" : "; nothing to mend")}.");
        AddWarnings(table, document);
        return table;
    }

    /// <summary>Where frames go, or why nowhere.</summary>
    public static string SensorLine(SensorStatus sensor) => SensorLine(StatusDocument.Part(sensor));

    /// <summary>Where frames go, and what goes there.</summary>
    private static void AddSensor(StatusTable table, StatusDocument document)
    {
        table.AddLine(SensorLine(document.Sensor));
        if (document.Sensor.CanaryVni is { } canary) table.AddLine($"A canary goes to it twice a minute, with VNI {canary}.");
        if (document.Filter is { } filter) table.AddLine($"Only frames that match: {filter}");
    }

    private static string SensorLine(StatusDocument.SensorPart sensor)
    {
        string where = string.Join(", ", sensor.Endpoints.Select(e => $"{e.Address} port {e.Port} on {e.Link} (MTU {e.Mtu})"));
        return sensor.State == SensorState.Ready.Name()
            ? $"Sensor ready ({sensor.Reads}): {where}{(sensor.Reason is null ? "" : $"; {sensor.Reason}")}"
            : $"Sensor {sensor.State} ({sensor.Reads}): {sensor.Reason}";
    }

    private static string Summary(StatusDocument document, string captured) =>
        $"Node {document.Node}, policy {document.PolicyRevision}: {document.Pods.Count()} pods, "
        + $"{document.Pods.Count(pod => pod.State != "not-selected")} in scope, "
        + $"{document.Pods.Count(pod => pod.State == "captured")} {captured}.";

    private static string GovernorLine(StatusDocument.GovernorPart governor) =>
        $"Governor at level {governor.Level} ({governor.Name}) since {governor.Since}"
        + (governor.Reason is { } reason ? $": {reason}" : "")
        + (governor.CpuUsed is { } used ? $"; CPU used {used}" : "")
        + (governor.BudgetCpu is { } budget ? $", budget {budget}." : ", no budget.");

    /// <summary>The pods' rows. A pod's numbers stand in the first row of it; they are null for a pod that has none.</summary>
    private static StatusTable Pods(StatusDocument document, string[] numbers, Func<StatusDocument.PodPart, string[]?> numbersOf)
    {
        var table = new StatusTable([.. Heads, .. numbers, "REASON"], numbers);
        foreach (StatusDocument.PodPart pod in document.Pods)
        {
            string[] counted = numbersOf(pod) ?? [.. numbers.Select(_ => "-")];
            foreach (StatusDocument.LinkPart? link in pod.Links.DefaultIfEmpty<StatusDocument.LinkPart?>(null))
            {
                table.AddRow(
                [
                    pod.Namespace, pod.Name, pod.State, pod.Rule ?? "-", pod.Vni?.ToString(CultureInfo.InvariantCulture) ?? "-",
                    link?.Name ?? "-", link?.FoundBy ?? "-", .. counted,
                    pod.Reason ?? (link is { OneWay: true } ? "only frames from the pod are seen" : ""),
                ]);
                counted = [.. numbers.Select(_ => "")];
            }
        }

        return table;
    }

    private static void AddRules(StatusTable table, StatusDocument document)
    {
        foreach (StatusDocument.PodPart pod in document.Pods.Where(pod => pod.Rule is not null).DistinctBy(pod => pod.Rule))
        {
            List<string> words = [$"{pod.Sample ?? "1/1"} of its pods' flows"];
            if (pod.Slice is { } slice) words.Add($"the first {slice} of each");
            if (pod.Rate is { } rate) words.Add($"at most {rate} of each pod");
            words.Add($"priority {pod.Priority ?? "normal"}");
            if (pod.Filter is { } filter) words.Add($"only frames that match: {filter}");
            if (pod.Always is { } always) words.Add($"always frames that match: {always}");
            if (words.Count > 2 || pod.Sample is not null || pod.Priority is not null)
                table.AddLine($"Rule {pod.Rule}: {string.Join(", ", words)}.");
        }
    }

    private static void AddWarnings(StatusTable table, StatusDocument document)
    {
        foreach (string warning in document.Warnings) table.AddLine($"Warning: {warning}");
        if (!document.Notes.IsEmpty) table.AddLine("");
        foreach (string note in document.Notes) table.AddLine($"Note: {note}");
    }

    /// <summary>Null also for a reason that this program does not know, of an agent of another version.</summary>
    private static string? Mend(string name) =>
        Enum.GetValues<LossReason>().Where(reason => reason.Name() == name).Select(reason => reason.Mend()).FirstOrDefault();
}
