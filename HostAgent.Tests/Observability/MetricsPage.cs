using System.Buffers;
using System.Globalization;
using System.Text;
using HostAgent.Observability;
using Prometheus;

namespace HostAgent.Tests.Observability;

/// <summary>A page of metrics, as a scraper reads it.</summary>
internal sealed class MetricsPage
{
    private readonly Dictionary<string, double> _samples;

    private MetricsPage(string text)
    {
        Text = text;
        // A second sample of one series makes a scraper drop it, or the page; here it throws.
        _samples = text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => line[0] != '#').ToDictionary(
            line => line[..line.LastIndexOf(' ')], line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));
    }

    public string Text { get; }

    /// <summary>How many series there are.</summary>
    public int Series => _samples.Count;

    /// <summary>What the series are called, without labels.</summary>
    public HashSet<string> Names => [.. _samples.Keys.Select(series => series.Split('{')[0])];

    /// <summary>
    /// The agent's own series, with the labels of each in the alphabet's order; those of the process differ from page to page.
    /// </summary>
    public Dictionary<string, double> Steady => _samples.Where(sample => sample.Key.StartsWith("hostagent_", StringComparison.Ordinal))
        .ToDictionary(sample => Ordered(sample.Key), sample => sample.Value);

    /// <summary>The value of a series, such as <c>m{l="v"}</c>.</summary>
    public double this[string series] => _samples[series];

    public static async Task<MetricsPage> Of(AgentMetrics metrics, ExpositionFormat format = ExpositionFormat.PrometheusText)
    {
        var buffer = new ArrayBufferWriter<byte>();
        await metrics.WriteAsync(buffer, format);
        return new MetricsPage(Encoding.UTF8.GetString(buffer.WrittenSpan));
    }

    /// <summary>The series of a metric and their values.</summary>
    public Dictionary<string, double> Of(string metric) =>
        _samples.Where(sample => sample.Key.StartsWith(metric + "{", StringComparison.Ordinal)).ToDictionary();

    private static string Ordered(string series) => series.IndexOf('{') is >= 0 and int brace
        ? $"{series[..brace]}{{{string.Join(',', series[(brace + 1)..^1].Split(',').Order(StringComparer.Ordinal))}}}"
        : series;
}
