using HostAgent.Accounts;
using HostAgent.Observability;
using Prometheus;

namespace HostAgent.Tests.Observability;

public sealed class CountedHistogramTests
{
    /// <summary>As ShardLedger has them.</summary>
    private static readonly double[] Bounds = [.. Enumerable.Range(6, 16).Select(bit => (1L << bit) / 1e6)];

    [Test]
    public async Task Whatever_was_counted_is_shown_to_the_last_digit([Range(1, 20)] int seed)
    {
        var random = new Random(seed);
        CollectorRegistry registry = Metrics.NewCustomRegistry();
        var shown = new CountedHistogram(Metrics.WithCustomRegistry(registry), "age", "Help.", [.. Bounds]);
        var counts = new long[Bounds.Length + 1];
        long microseconds = 0;
        for (int step = 0; step < 50; step++)
        {
            for (int i = 0; i < counts.Length && random.Next(4) > 0; i++)
            {
                long more = random.NextInt64(1L << random.Next(1, 25));
                counts[i] += more;
                // The age of each: from 0 up to the bucket's bound, and far beyond the last.
                microseconds += more * (i == 0 ? 0 : i < Bounds.Length ? (long)(Bounds[i] * 1e6) : random.Next(2_100_000, 100_000_000));
            }

            shown.Update(new HistogramSnapshot([.. Bounds], [.. counts], microseconds / 1e6));
            using var page = new MemoryStream();
            await registry.CollectAndExportAsTextAsync(page);
            string text = System.Text.Encoding.UTF8.GetString(page.ToArray());
            long total = 0;
            for (int i = 0; i < counts.Length; i++)
            {
                total += counts[i];
                string bound = i < Bounds.Length ? Bounds[i].ToString("g", System.Globalization.CultureInfo.InvariantCulture) : "+Inf";
                Assert.That(text, Does.Contain($"age_bucket{{le=\"{bound}\"}} {total}\n"));
            }

            Assert.That(text, Does.Contain($"age_count {total}\n"));
            double sum = double.Parse(text.Split('\n').Single(line => line.StartsWith("age_sum ", StringComparison.Ordinal))[8..],
                System.Globalization.CultureInfo.InvariantCulture);
            Assert.That(sum, Is.EqualTo(microseconds / 1e6), $"step {step}");
        }
    }
}
