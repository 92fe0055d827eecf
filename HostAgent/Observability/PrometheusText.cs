using System.Buffers;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace HostAgent.Observability;

/// <summary>
/// Writes a meter in the Prometheus text exposition format 0.0.4. It reads observable instruments of <c>long</c> and <c>double</c>:
/// an ObservableCounter is a counter, any other a gauge. Instruments that had no measurement are left out.
/// </summary>
public sealed class PrometheusText : IMetricsExporter, IDisposable
{
    private readonly Lock _gate = new();
    private readonly MeterListener _listener = new();
    private readonly SortedDictionary<string, Family> _families = new(StringComparer.Ordinal);
    private readonly IReadOnlyList<HistogramSource> _histograms;
    private readonly Action _beforeCollect;

    public PrometheusText(AgentMetrics metrics)
        : this(metrics.Meter, metrics.Histograms, metrics.Refresh)
    {
    }

    /// <param name="meter">Only its instruments are written.</param>
    /// <param name="histograms">What the meter cannot carry.</param>
    /// <param name="beforeCollect">Runs once before each collection.</param>
    internal PrometheusText(Meter meter, IReadOnlyList<HistogramSource> histograms, Action beforeCollect)
    {
        _histograms = histograms;
        _beforeCollect = beforeCollect;
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter != meter || !instrument.IsObservable) return;
            var family = new Family(instrument);
            _families.Add(instrument.Name, family);
            listener.EnableMeasurementEvents(instrument, family);
        };
        _listener.SetMeasurementEventCallback<long>((_, value, tags, family) =>
            ((Family)family!).Add(tags, value.ToString(CultureInfo.InvariantCulture)));
        _listener.SetMeasurementEventCallback<double>((_, value, tags, family) => ((Family)family!).Add(tags, Number(value)));
        _listener.Start();
    }

    public string ContentType => "text/plain; version=0.0.4; charset=utf-8";

    public void Write(IBufferWriter<byte> output)
    {
        lock (_gate)
        {
            foreach (Family family in _families.Values) family.Samples.Clear();
            _beforeCollect();
            _listener.RecordObservableInstruments();
            var text = new StringBuilder();
            foreach (Family family in _families.Values)
            {
                if (family.Samples.Length == 0) continue;
                Header(text, family.Name, family.Type, family.Help);
                text.Append(family.Samples);
            }

            foreach (HistogramSource histogram in _histograms) Append(text, histogram);
            Encoder encoder = Encoding.UTF8.GetEncoder();
            foreach (ReadOnlyMemory<char> chunk in text.GetChunks()) encoder.Convert(chunk.Span, output, flush: false, out _, out _);
        }
    }

    public void Dispose() => _listener.Dispose();

    private static void Append(StringBuilder text, HistogramSource source)
    {
        HistogramSnapshot histogram = source.Read();
        Header(text, source.Name, "histogram", source.Help);
        long total = 0;
        for (int i = 0; i < histogram.Counts.Length; i++)
        {
            total += histogram.Counts[i];
            string bound = i < histogram.UpperBounds.Length ? Number(histogram.UpperBounds[i]) : "+Inf";
            text.Append($"{source.Name}_bucket{{le=\"{bound}\"}} {total}\n");
        }

        text.Append($"{source.Name}_sum {Number(histogram.Sum)}\n{source.Name}_count {total}\n");
    }

    private static void Header(StringBuilder text, string name, string type, string? help)
    {
        if (help is not null) text.Append($"# HELP {name} {help.Replace("\\", @"\\", StringComparison.Ordinal).Replace("\n", @"\n", StringComparison.Ordinal)}\n");
        text.Append($"# TYPE {name} {type}\n");
    }

    private static string Number(double value) => value switch
    {
        double.PositiveInfinity => "+Inf",
        double.NegativeInfinity => "-Inf",
        _ => value.ToString("R", CultureInfo.InvariantCulture),
    };

    private sealed class Family(Instrument instrument)
    {
        public string Name { get; } = instrument.Name;

        public string? Help { get; } = instrument.Description;

        public string Type { get; } = instrument.GetType().GetGenericTypeDefinition() == typeof(ObservableCounter<>) ? "counter" : "gauge";

        public StringBuilder Samples { get; } = new();

        public void Add(ReadOnlySpan<KeyValuePair<string, object?>> labels, string value)
        {
            Samples.Append(Name);
            for (int i = 0; i < labels.Length; i++)
            {
                Samples.Append(i == 0 ? '{' : ',').Append(labels[i].Key).Append("=\"");
                foreach (char c in labels[i].Value?.ToString() ?? "")
                {
                    _ = c switch
                    {
                        '\\' => Samples.Append(@"\\"),
                        '"' => Samples.Append("\\\""),
                        '\n' => Samples.Append(@"\n"),
                        _ => Samples.Append(c),
                    };
                }

                Samples.Append('"');
            }

            Samples.Append(labels.Length > 0 ? "} " : " ").Append(value).Append('\n');
        }
    }
}
