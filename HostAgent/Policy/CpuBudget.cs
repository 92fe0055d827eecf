using System.Globalization;
using System.Text.RegularExpressions;

namespace HostAgent.Policy;

/// <summary>An amount of CPU, as Kubernetes writes it: <c>500m</c> or <c>0.5</c> is half of one core's time.</summary>
/// <param name="Millicores">Thousandths of a core, at least 1 and at most <see cref="Most"/>.</param>
public readonly partial record struct CpuBudget(int Millicores)
{
    /// <summary>More cores than any node has.</summary>
    public const int Most = 4096 * 1000;

    public double Cores => Millicores / 1000.0;

    /// <summary>Null when the text is no amount from 1m to 4096: digits, then <c>m</c> or up to three decimals.</summary>
    public static CpuBudget? Parse(string text)
    {
        Match match = Quantity().Match(text);
        if (!match.Success) return null;
        decimal number = decimal.Parse(match.Groups["number"].ValueSpan, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);
        decimal millicores = match.Groups["milli"].Success ? number : number * 1000;
        return millicores is >= 1 and <= Most ? new CpuBudget((int)millicores) : null;
    }

    public override string ToString() => Millicores % 1000 == 0
        ? (Millicores / 1000).ToString(CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{Millicores}m");

    [GeneratedRegex(@"\A((?<number>0|[1-9][0-9]{0,6})(?<milli>m)|(?<number>(0|[1-9][0-9]{0,6})(\.[0-9]{1,3})?))\z",
        RegexOptions.ExplicitCapture)]
    private static partial Regex Quantity();
}
