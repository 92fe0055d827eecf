namespace HostAgent.Tests.Observability;

/// <summary>What the page says, as browser.mjs reads it.</summary>
internal sealed record PageView(
    string Title, string Live, string Tone, string Headline, string Because, string[] Todo, Dictionary<string, string> Tiles, string[] Flow,
    string[][] Ledger, string[] Changes, string Sorted, string Shown, string[][] Rows, int Sparks, int Elements, string Focus,
    bool Overflows)
{
    /// <summary>The visible rows' cells of a column, such as 1 for the pods' names.</summary>
    public string[] Column(int number) => [.. Rows.Select(row => row[number])];

    public override string ToString() =>
        $"{Live}; {Headline}; {Because}; {string.Join(" ", Todo)}; {string.Join("; ", Tiles)}; {string.Join(", ", Flow)}; "
        + $"{Sorted}; {Shown}; "
        + string.Join("\n", Rows.Take(5).Select(row => string.Join(" | ", row)));
}
