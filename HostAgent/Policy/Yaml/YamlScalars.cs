using System.Text.RegularExpressions;

namespace HostAgent.Policy;

/// <summary>
/// Which plain scalars are not text, by the core schema of YAML 1.2.2 (10.3.2): so <c>on</c> and <c>yes</c> are text here.
/// </summary>
internal static partial class YamlScalars
{
    public static bool IsNull(YamlNode.Scalar scalar) => scalar.Plain && IsNull(scalar.Text);

    public static bool IsNull(string plain) => plain is "" or "~" or "null" or "Null" or "NULL";

    public static bool? Boolean(string plain) => plain switch
    {
        "true" or "True" or "TRUE" => true,
        "false" or "False" or "FALSE" => false,
        _ => null,
    };

    public static bool IsText(YamlNode.Scalar scalar) =>
        !scalar.Plain || !(IsNull(scalar.Text) || Boolean(scalar.Text) is not null || Number().IsMatch(scalar.Text));

    [GeneratedRegex(
        @"\A([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|"
        + @"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\z",
        RegexOptions.ExplicitCapture)]
    private static partial Regex Number();
}
