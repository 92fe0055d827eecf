using System.Text.RegularExpressions;

namespace HostAgent.Policy;

/// <summary>What Kubernetes accepts as label keys, label values and names (apimachinery's util/validation).</summary>
internal static partial class LabelSyntax
{
    public const string KeyRule =
        "a label key is a name of at most 63 letters, digits, '-', '_', '.', starting and ending with a letter or digit, "
        + "after an optional DNS prefix and '/'";

    public const string ValueRule =
        "a label value has at most 63 letters, digits, '-', '_', '.', starting and ending with a letter or digit, or is empty";

    public static bool IsKey(string text)
    {
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        string name = text[(slash + 1)..];
        return name.Length is > 0 and <= 63 && Name().IsMatch(name) && (slash < 0 || (slash <= 253 && Subdomain().IsMatch(text[..slash])));
    }

    public static bool IsValue(string text) => text.Length == 0 || (text.Length <= 63 && Name().IsMatch(text));

    /// <summary>RFC 1123 label: what a namespace may be called.</summary>
    public static bool IsNamespace(string text) => text.Length <= 63 && DnsLabel().IsMatch(text);

    // What repeats is told from what follows by one character, so a text that does not match costs a few steps for each of its characters.
    // The engine that guarantees this (NonBacktracking) is compiled at run time and costs 2 MB.
    [GeneratedRegex(@"\A[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?\z", RegexOptions.ExplicitCapture)]
    private static partial Regex Name();

    [GeneratedRegex(@"\A[a-z0-9]([-a-z0-9]*[a-z0-9])?\z", RegexOptions.ExplicitCapture)]
    private static partial Regex DnsLabel();

    [GeneratedRegex(@"\A[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\z", RegexOptions.ExplicitCapture)]
    private static partial Regex Subdomain();
}
