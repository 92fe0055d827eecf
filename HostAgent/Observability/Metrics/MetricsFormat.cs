using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using Prometheus;

namespace HostAgent.Observability;

/// <summary>In which of its two formats /metrics answers.</summary>
internal static class MetricsFormat
{
    /// <summary>
    /// OpenMetrics 1.0 for those who would rather have it than the text format, and for all others the text format, which everybody can
    /// read.
    /// </summary>
    /// <param name="accept">The Accept header (RFC 9110, 12.5.1). What of it is no media type is passed over.</param>
    public static ExpositionFormat Of(StringValues accept)
    {
        if (!MediaTypeHeaderValue.TryParseList(accept, out IList<MediaTypeHeaderValue>? types)) return ExpositionFormat.PrometheusText;
        double open = Quality(types, type =>
            type.MediaType.Equals(PrometheusConstants.OpenMetricsContentType, StringComparison.OrdinalIgnoreCase)
            && Version(type) is null or "1.0.0");
        double text = Quality(types,
            type => type.MediaType.Equals(PrometheusConstants.TextContentType, StringComparison.OrdinalIgnoreCase));
        return open > 0 && open >= text ? ExpositionFormat.OpenMetricsText : ExpositionFormat.PrometheusText;
    }

    /// <summary>The Content-Type of <paramref name="format"/>.</summary>
    public static string ContentType(ExpositionFormat format) => format == ExpositionFormat.OpenMetricsText
        ? PrometheusConstants.OpenMetricsContentTypeWithVersionAndEncoding
        : PrometheusConstants.TextContentTypeWithVersionAndEncoding;

    private static double Quality(IList<MediaTypeHeaderValue> types, Func<MediaTypeHeaderValue, bool> which) =>
        types.Where(which).Select(type => type.Quality ?? 1).DefaultIfEmpty(0).Max();

    private static string? Version(MediaTypeHeaderValue type) =>
        type.Parameters.FirstOrDefault(parameter => parameter.Name.Equals("version", StringComparison.OrdinalIgnoreCase))
            ?.GetUnescapedValue().ToString();
}
