using System.Globalization;

namespace HostAgent.Governing;

/// <summary>How long some task of the node has waited for a CPU (PSI, Documentation/accounting/psi.rst).</summary>
internal static class NodePressure
{
    public const string File = "/proc/pressure/cpu";

    /// <summary>Since the node's start; null on a kernel that does not tell, as those without PSI and those with psi=0.</summary>
    public static TimeSpan? Read(string file = File)
    {
        try
        {
            return Parse(System.IO.File.ReadAllText(file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>A line such as <c>some avg10=0.00 avg60=0.00 avg300=0.00 total=1234</c>; the total is in microseconds.</summary>
    public static TimeSpan? Parse(string text)
    {
        const string total = "total=";
        string? some = text.Split('\n').FirstOrDefault(line => line.StartsWith("some ", StringComparison.Ordinal));
        int at = some?.IndexOf(total, StringComparison.Ordinal) ?? -1;
        return at > 0 && long.TryParse(
            some.AsSpan(at + total.Length), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out long microseconds)
            ? TimeSpan.FromMicroseconds(microseconds)
            : null;
    }
}
