namespace HostAgent.Policy;

/// <summary>Text of others (names in files, in the API, in certificates) as it may stand in a log and on a terminal.</summary>
internal static class PrintableText
{
    /// <summary>Each control character becomes a question mark, so that none of them steers a terminal or begins a line.</summary>
    public static string Of(string text) => string.Create(text.Length, text, static (span, source) =>
    {
        for (int i = 0; i < span.Length; i++) span[i] = char.IsControl(source[i]) ? '?' : source[i];
    });
}
