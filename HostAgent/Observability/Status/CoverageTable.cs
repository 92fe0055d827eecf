using System.Text;
using HostAgent.Deciding;
using HostAgent.Links;
using HostAgent.Policy;
using HostAgent.Sensors;
using Spectre.Console;

namespace HostAgent.Observability;

/// <summary>
/// The coverage list for people: one row a link, or a pod that has none, then the sensor, the warnings and, apart from them, the notes.
/// </summary>
internal sealed class CoverageTable
{
    private static readonly string[] Heads = ["NAMESPACE", "POD", "STATE", "RULE", "VNI", "LINK", "FOUND BY", "REASON"];

    private readonly List<(PodState State, string[] Cells)> _rows = [];
    private readonly List<string> _lines = [];

    public CoverageTable(AgentStatus status)
    {
        foreach (PodCoverage pod in status.Pods)
        {
            if (pod.Links.IsEmpty) Add(pod, null);
            foreach (LinkMatch link in pod.Links) Add(pod, link);
        }

        int inScope = status.Pods.Count(pod => pod.State != PodState.NotSelected);
        int captured = status.Pods.Count(pod => pod.State == PodState.Captured);
        Add($"Node {status.Node}, policy {status.PolicyRevision}: {status.Pods.Length} pods, "
            + $"{inScope} in scope, {captured} would be captured.");
        Add(SensorLine(status.Sensor));
        if (status.Filter is { } filter) Add($"Only frames that match: {filter}");
        if (status.Governor.Budget is { } budget) Add($"CPU budget of the agent: {budget}.");
        foreach (MirrorRule rule in status.Pods.Select(pod => pod.Rule).OfType<MirrorRule>().Distinct())
        {
            if (rule.Traffic != RuleTraffic.All) Add($"Rule {rule.Name}: {InWords(rule.Traffic)}.");
        }

        foreach (string warning in status.Warnings) Add($"Warning: {warning}");
        if (!status.Notes.IsEmpty) Add("");
        foreach (string note in status.Notes) Add($"Note: {note}");
        if (status.Against is not { } comparison) return;
        Add("");
        foreach (string line in AgainstText.Lines(status, comparison)) Add(line);
    }

    public string ToPlainText()
    {
        var text = new StringBuilder();
        string[][] lines = [Heads, .. _rows.Select(row => row.Cells)];
        int[] widths = [.. Enumerable.Range(0, Heads.Length).Select(column => lines.Max(line => line[column].Length))];
        foreach (string[] line in lines)
        {
            text.AppendLine(string.Join("  ", line.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
        }

        text.AppendLine();
        foreach (string line in _lines) text.AppendLine(line);
        return text.ToString();
    }

    public void Draw(IAnsiConsole console)
    {
        var table = new Table { Border = TableBorder.Simple };
        foreach (string head in Heads) table.AddColumn(new TableColumn(new Text(head)));
        foreach ((PodState state, string[] cells) in _rows)
        {
            var style = new Style(state switch
            {
                PodState.Captured => Color.Green,
                PodState.Pending => Color.Yellow,
                PodState.Unsupported => Color.Red,
                _ => Color.Grey,
            });
            table.AddRow(cells.Select((cell, column) => new Text(cell, column == 2 ? style : null)));
        }

        console.Write(table);
        foreach (string line in _lines) console.WriteLine(line);
    }

    private static string InWords(RuleTraffic traffic)
    {
        List<string> words = [$"{traffic.Sample} of its pods' flows"];
        if (traffic.Slice > 0) words.Add($"the first {new ByteSize(traffic.Slice)} of each");
        if (traffic.Rate is { } rate) words.Add($"at most {rate} of each pod");
        words.Add($"priority {traffic.Priority.Name()}");
        if (traffic.Filter is { } filter) words.Add($"only frames that match: {filter.Expression}");
        if (traffic.Always is { } always) words.Add($"always frames that match: {always.Expression}");
        return string.Join(", ", words);
    }

    internal static string SensorLine(SensorStatus sensor)
    {
        string reads = sensor.Reads.Name();
        string where = string.Join(", ", sensor.Endpoints.Select(e => $"{e.Address} port {e.Port} on {e.Link.Name} (MTU {e.Link.Mtu})"));
        return sensor.State == SensorState.Ready
            ? $"Sensor ready ({reads}): {where}{(sensor.Reason is null ? "" : $"; {sensor.Reason}")}"
            : $"Sensor {sensor.State.Name()} ({reads}): {sensor.Reason}";
    }

    private void Add(PodCoverage pod, LinkMatch? link) => _rows.Add((pod.State,
    [
        Printable(pod.Pod.Namespace),
        Printable(pod.Pod.Name),
        pod.State.Name(),
        Printable(pod.Rule?.Name ?? "-"),
        pod.Rule?.Vni.ToString() ?? "-",
        Printable(link?.Link.Name ?? "-"),
        link is null ? "-" : link.FoundBy.Name(),
        Printable(pod.Reason ?? (link is { OneWay: true } ? "only frames from the pod are seen" : "")),
    ]));

    private void Add(string line) => _lines.Add(Printable(line));

    // Names and reasons come from files and from the API; none of them may steer a terminal.
    private static string Printable(string text) => string.Create(text.Length, text, static (span, source) =>
    {
        for (int i = 0; i < span.Length; i++) span[i] = char.IsControl(source[i]) ? '?' : source[i];
    });
}
