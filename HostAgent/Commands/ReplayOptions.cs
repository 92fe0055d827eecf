using System.Globalization;

namespace HostAgent.Commands;

/// <summary>What <c>replay</c> is asked for, beside what it has in common with <c>run</c>.</summary>
/// <param name="File">The path of the capture file.</param>
public sealed record ReplayOptions(string File)
{
    /// <summary>Whose frames they are said to be, as NAMESPACE/NAME; null for nobody's.</summary>
    public string? Pod { get; init; }

    /// <summary>How many times as fast as they were captured; infinite for as fast as they can be sent.</summary>
    public double Speed { get; init; } = 1;

    /// <summary>How often the file is replayed, at least once.</summary>
    public int Loops { get; init; } = 1;

    /// <summary>Whether a line is printed for each frame.</summary>
    public bool Print { get; init; }

    /// <summary>Reads a speed: <c>max</c>, or a number and x, such as 1x, 0.5x or 20x. Null when the text is none.</summary>
    public static double? ParseSpeed(string text)
    {
        if (text == "max") return double.PositiveInfinity;
        return text.EndsWith('x')
            && double.TryParse(
                text.AsSpan(0, text.Length - 1), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double speed)
            && speed is >= 0.001 and <= 1_000_000 ? speed : null;
    }
}
