using System.Globalization;

namespace HostAgent.Policy;

/// <summary>A whole number and what it counts, written together: <c>64KiB</c>, <c>20s</c>.</summary>
/// <param name="Count">From 0 on; decimal digits without a sign.</param>
/// <param name="Unit">What is behind the digits; may be empty.</param>
internal readonly record struct CountedUnit(long Count, string Unit)
{
    /// <summary>Null when the text does not begin with a number that fits.</summary>
    public static CountedUnit? Parse(string text)
    {
        int digits = text.AsSpan().IndexOfAnyExceptInRange('0', '9') is var at and >= 0 ? at : text.Length;
        return long.TryParse(text.AsSpan(0, digits), NumberStyles.None, CultureInfo.InvariantCulture, out long count)
            ? new CountedUnit(count, text[digits..])
            : null;
    }
}
