using System.Globalization;
using System.Text;

namespace HostAgent.Policy;

/// <summary>
/// Where a node is in its document, such as <c>rules[1].podSelector.matchLabels["example.com/app"]</c>. A chain to the root, written out
/// only for an error, so that long keys of a hostile file are not copied into the path of every node below them.
/// </summary>
internal sealed class YamlPath
{
    private const int LongestKey = 64;

    private readonly YamlPath? _parent;
    private readonly string? _key;
    private readonly int _index;

    private YamlPath(YamlPath? parent, string? key, int index) => (_parent, _key, _index) = (parent, key, index);

    public static YamlPath Root { get; } = new(null, null, 0);

    public YamlPath Key(string name) => new(this, name, 0);

    public YamlPath Item(int position) => new(this, null, position);

    public override string ToString()
    {
        if (_parent is null) return "";
        string before = _parent.ToString();
        if (_key is null) return string.Create(CultureInfo.InvariantCulture, $"{before}[{_index}]");
        if (!IsPlain(_key)) return $"{before}[{Quote(_key)}]";
        return before.Length == 0 ? _key : $"{before}.{_key}";
    }

    /// <summary>Text of the file as it may stand in a log line: in double quotes, shortened, control characters escaped.</summary>
    public static string Quote(string text, int longest = LongestKey)
    {
        var quoted = new StringBuilder("\"");
        foreach (Rune rune in text.AsSpan(0, Math.Min(text.Length, longest)).EnumerateRunes())
        {
            bool hidden = Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format
                or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
            if (hidden) quoted.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}");
            else if (rune.Value is '"' or '\\') quoted.Append('\\').Append(rune);
            else quoted.Append(rune);
        }

        return quoted.Append(text.Length > longest ? "…\"" : "\"").ToString();
    }

    private static bool IsPlain(string text) =>
        text.Length is > 0 and <= LongestKey && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');
}
