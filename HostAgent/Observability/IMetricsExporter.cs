using System.Buffers;

namespace HostAgent.Observability;

/// <summary>The seam to what turns the agent's meter into bytes for a scraper; a Prometheus client library can take its place here.</summary>
public interface IMetricsExporter
{
    /// <summary>The Content-Type of what <see cref="Write"/> writes.</summary>
    string ContentType { get; }

    /// <summary>Collects every instrument once and writes the result. Safe on any thread.</summary>
    void Write(IBufferWriter<byte> output);
}
