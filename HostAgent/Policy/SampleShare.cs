using System.Globalization;

namespace HostAgent.Policy;

/// <summary>A share of all flows, as a policy writes it: <c>1/8</c>.</summary>
/// <param name="Kept">How many are mirrored, at least 1.</param>
/// <param name="Of">Of so many, at least <paramref name="Kept"/> and at most <see cref="Finest"/>.</param>
public readonly record struct SampleShare(int Kept, int Of)
{
    /// <summary>A finer share would leave nothing of most nodes' traffic.</summary>
    public const int Finest = 65_536;

    public static SampleShare Whole { get; } = new(1, 1);

    public bool IsWhole => Kept == Of;

    /// <summary>True when it leaves fewer flows than the other.</summary>
    public bool IsStricterThan(SampleShare other) => (long)Kept * other.Of < (long)other.Kept * Of;

    /// <summary>Null when the text is no share between 1/65536 and 1/1.</summary>
    public static SampleShare? Parse(string text)
    {
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        return slash > 0 && Number(text[..slash]) is { } kept && Number(text[(slash + 1)..]) is { } of && kept <= of
            ? new SampleShare(kept, of)
            : null;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Kept}/{Of}");

    private static int? Number(string digits) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number is >= 1 and <= Finest
            ? number
            : null;
}
