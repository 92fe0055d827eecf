using System.Collections.Immutable;
using HostAgent.Accounts;
using Prometheus;

namespace HostAgent.Observability;

/// <summary>
/// Shows a histogram that is counted elsewhere: bucket for bucket and with its own sum, though prometheus-net takes nothing but
/// observations.
/// </summary>
internal sealed class CountedHistogram
{
    private readonly Histogram _shown;
    private readonly double[] _within;
    private readonly long[] _counts;

    /// <param name="factory">Makes the metric.</param>
    /// <param name="name">The metric's name, without the suffixes of its series.</param>
    /// <param name="help">What it tells an operator.</param>
    /// <param name="upperBounds">Of every histogram that will be shown: positive, ascending, inclusive, without +Inf.</param>
    public CountedHistogram(MetricFactory factory, string name, string help, ImmutableArray<double> upperBounds)
    {
        _shown = factory.CreateHistogram(name, help, new HistogramConfiguration { Buckets = [.. upperBounds] });
        _within = [.. upperBounds, Math.BitIncrement(upperBounds[^1])];
        _counts = new long[_within.Length];
    }

    /// <summary>Shows <paramref name="histogram"/> from now on. Not safe beside another call.</summary>
    public void Update(HistogramSnapshot histogram)
    {
        for (int i = 0; i < _within.Length; i++)
        {
            _shown.Observe(_within[i], histogram.Counts[i] - _counts[i]);
            _counts[i] = histogram.Counts[i];
        }

        // The values were made up, so the sum is wrong. Of what it lacks, one observation is added to the lowest bucket and another one
        // taken from it. Rounding may leave a last digit after the first time; what is so near is added exactly.
        for (int times = 0; times < 2; times++)
        {
            double lacks = histogram.Sum - _shown.Sum;
            int sign = Math.Sign(lacks);
            _shown.Observe(-Math.Abs(lacks), -sign);
            _shown.Observe(0, sign);
        }
    }
}
