using HostAgent.Bench.Sensors;

namespace HostAgent.Bench.Measuring;

/// <summary>The samples as Markdown tables: medians, and ratios within the same run.</summary>
internal sealed class MarkdownReport(IReadOnlyList<Sample> samples, TextWriter output)
{
    private readonly Dictionary<(string Sensor, string Test, string System), Sample[]> _cells =
        samples.GroupBy(s => (s.Sensor, s.Test, s.System)).ToDictionary(g => g.Key, g => g.ToArray());

    public void Write()
    {
        foreach (string sensor in samples.Select(s => s.Sensor).Distinct()) WriteTraffic(sensor);
        WriteVerify();
        WriteBystanders();
        WriteIdle();
        int repetitions = samples.Max(s => s.Repetition) + 1;
        output.WriteLine(
            $"{Environment.ProcessorCount} cores, kernel {Environment.OSVersion.Version}, {repetitions} repetitions. Others used "
            + $"{samples.Select(s => s.Cpu.Others).Order().ElementAt(samples.Count / 2):N2} cores meanwhile "
            + $"(median; worst {samples.Max(s => s.Cpu.Others):N2}): ratios below the spread say nothing."
            + (CpuMeter.SeesSoftIrqs ? "" : " The kernel's softirq threads cannot be seen from here; their part is missing."));
    }

    private void WriteTraffic(string sensor)
    {
        Test[] tests = [.. Test.All.Where(t => t is TrafficTest or LadderTest && samples.Any(s => s.Test == t.Name && s.Sensor == sensor))];
        if (tests.Length == 0) return;
        output.WriteLine($"### Sensor: {sensor}\n");
        output.WriteLine("| test | system | delivered | production | of none | cost | × kernel | × bpf | ± | agent's | sensor's | "
            + "p50 / p99 ms | RSS MB | others |");
        output.WriteLine("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
        foreach (Test test in tests)
        {
            // The kernel writes no stream: what one costs is set beside the kernel's way to the sniffer in the same pod.
            string other = sensor is nameof(SensorKind.Stream) or nameof(SensorKind.StreamTls) ? nameof(SensorKind.Sniff) : sensor;
            Cell? none = Find(sensor, test, "none"), kernel = Find(other, test, "kernel"), bpf = Find(other, test, "kernel-bpf");
            foreach ((string name, Cell cell) in Systems(sensor, test))
            {
                double scale = test.CostUnit == "ms/GB" ? 1e3 : 1e9;
                bool costs = test.CostUnit is not null;
                output.WriteLine(
                    $"| {test.Name} | {name} | {Format(cell.Delivered * 100, "N2", " %")} | {cell.Production:N2} {test.Unit} | "
                    + $"{Format(none is null ? null : cell.Production / none.Production * 100, "N0", " %")} | "
                    + (costs
                        ? Format(name == "none" ? cell.Total * scale : cell.Cost * scale, "N0",
                            $" {test.CostUnit}{(name == "none" ? " in all" : "")}")
                        : "–") + " | "
                    + $"{(costs && name != "none" ? Format(cell.Cost / kernel?.Cost, "N2", "") : "–")} | "
                    + $"{(costs && name != "none" ? Format(cell.Cost / bpf?.Cost, "N2", "") : "–")} | "
                    + $"{(costs ? Format(cell.Spread * 100, "N0", " %") : "–")} | "
                    + $"{(costs && cell.Mirror > 0 ? Format(cell.Mirror * scale, "N0", "") : "–")} | "
                    + $"{(costs ? Format(cell.Sensor * scale, "N0", "") : "–")} | "
                    + $"{(cell.P50 is null ? "–" : $"{cell.P50 / 1000:N1} / {cell.P99 / 1000:N1}")} | "
                    + $"{Format(cell.Resident, "N0", "")} | {cell.Others:N2} |");
            }
        }

        output.WriteLine();
    }

    private void WriteVerify()
    {
        Sample[] verified = [.. samples.Where(s => s.Test == "verify")];
        if (verified.Length == 0) return;
        output.WriteLine("### What the sensor gets (verify)\n");
        output.WriteLine("| sensor | system | datagrams | bad inner checksum | bad outer checksum | duplicates | over the MTU | "
            + "fragments | dropped by the sensor | ledger |");
        output.WriteLine("|---|---|--:|--:|--:|--:|--:|--:|--:|---|");
        foreach (Sample s in verified)
        {
            string ledger = s.Ledger is not { } l ? "–"
                : $"{l.Seen:N0} seen of {s.Frames:N0} on the link, "
                    + $"{l.Delivered:N0} delivered{string.Concat(l.Losses.Select(loss => $", {loss.Key} {loss.Value}"))}";
            output.WriteLine(
                $"| {s.Sensor} | {s.System} | {s.Received.Datagrams:N0} | {s.Received.BadChecksums:N0} | "
                + $"{s.Received.BadOuterChecksums:N0} | {s.Received.Duplicates:N0} | {s.Received.Oversize:N0} | "
                + $"{s.Received.Fragments:N0} | {s.Received.Dropped:N0} | {ledger} |");
        }

        output.WriteLine();
    }

    private void WriteBystanders()
    {
        Test[] tests = [.. Test.All.Where(t => t is BystanderTest && samples.Any(s => s.Test == t.Name))];
        if (tests.Length == 0) return;
        output.WriteLine("### Traffic that is not mirrored\n");
        output.WriteLine("| test | system | CPU in all | of none | agent's | others |");
        output.WriteLine("|---|---|--:|--:|--:|--:|");
        foreach (Test test in tests)
        {
            string sensor = samples.First(s => s.Test == test.Name).Sensor;
            Cell? none = Find(sensor, test, "none");
            foreach ((string name, Cell cell) in Systems(sensor, test))
            {
                output.WriteLine(
                    $"| {test.Name} | {name} | {cell.Total * 1e9:N0} {test.CostUnit} | "
                    + $"{Format(cell.Total / none?.Total * 100, "N1", " %")} | {cell.Mirror * 1e9:N0} | {cell.Others:N2} |");
            }
        }

        output.WriteLine();
    }

    private void WriteIdle()
    {
        var idle = new IdleTest();
        (string Sensor, Cell Cell)[] rows = [.. samples.Where(s => s.Test == idle.Name).Select(s => s.Sensor).Distinct()
            .SelectMany(sensor => Systems(sensor, idle).Select(found => (sensor, found.Cell)))];
        if (rows.Length == 0) return;
        output.WriteLine($"### {idle.Description}\n");
        output.WriteLine("| sensor | RSS MB | CPU, of a core | probe p50 / p99 ms | delivered | others |");
        output.WriteLine("|---|--:|--:|--:|--:|--:|");
        foreach ((string sensor, Cell cell) in rows)
        {
            output.WriteLine(
                $"| {sensor} | {cell.Resident:N0} | {cell.MirrorShare * 100:N2} % | "
                + $"{cell.P50 / 1000:N1} / {cell.P99 / 1000:N1} | {cell.Delivered * 100:N0} % | {cell.Others:N2} |");
        }

        output.WriteLine();
    }

    private Cell? Find(string sensor, Test test, string system) =>
        _cells.TryGetValue((sensor, test.Name, system), out Sample[]? found)
            ? new Cell(found, _cells.GetValueOrDefault((sensor, test.Name, "none"), []))
            : null;

    private IEnumerable<(string Name, Cell Cell)> Systems(string sensor, Test test) =>
        from name in samples.Select(s => s.System).Distinct()
            .OrderBy(s => s switch { "none" => 0, "kernel" => 1, "kernel-cut" => 2, "kernel-bpf" => 3, _ => 4 })
        let cell = Find(sensor, test, name)
        where cell is not null
        select (name, cell);

    private static string Format(double? value, string format, string unit) => value is { } v ? v.ToString(format) + unit : "–";
}
