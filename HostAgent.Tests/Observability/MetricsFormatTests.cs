using HostAgent.Observability;
using Microsoft.Extensions.Primitives;
using Prometheus;

namespace HostAgent.Tests.Observability;

public sealed class MetricsFormatTests
{
    // What Prometheus 2.42 and 3.0 ask for.
    [TestCase("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
        + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", true)]
    [TestCase("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,"
        + "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2", true)]
    [TestCase("application/openmetrics-text", true)]
    [TestCase("Application/OpenMetrics-Text; Version=\"1.0.0\"", true)]
    [TestCase("text/plain, application/openmetrics-text", true)]
    [TestCase("text/plain, application/openmetrics-text;q=0.9", false)]
    [TestCase("application/openmetrics-text;q=0", false)]
    [TestCase("application/openmetrics-text;version=2.0.0", false)]
    [TestCase("application/openmetrics-text;version=0.0.1", false)]
    [TestCase("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.8,text/plain;q=0.5", false)]
    [TestCase("text/plain;version=0.0.4", false)]
    [TestCase("application/*", false)]
    [TestCase("*/*", false)]
    [TestCase("", false)]
    [TestCase(",;=\"", false)]
    [TestCase(";;;, application/openmetrics-text", true)]
    public void The_format_follows_Accept(string accept, bool open) =>
        Assert.That(MetricsFormat.Of(accept), Is.EqualTo(open ? ExpositionFormat.OpenMetricsText : ExpositionFormat.PrometheusText));

    [Test]
    public void Without_Accept_it_is_text_and_several_lines_are_one_list()
    {
        Assert.That(MetricsFormat.Of(StringValues.Empty), Is.EqualTo(ExpositionFormat.PrometheusText));
        Assert.That(MetricsFormat.Of(new StringValues(["text/plain;q=0.5", "application/openmetrics-text"])),
            Is.EqualTo(ExpositionFormat.OpenMetricsText));
    }
}
