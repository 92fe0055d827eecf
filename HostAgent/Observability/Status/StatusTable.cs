using System.Text;
using HostAgent.Policy;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace HostAgent.Observability;

/// <summary>A row for each link of each pod, and lines below: aligned plain text, or a table on a terminal.</summary>
/// <param name="heads">The columns; those of a number of <paramref name="numbers"/> are set to the right.</param>
/// <param name="numbers">Names of columns that hold numbers.</param>
internal sealed class StatusTable(string[] heads, params string[] numbers)
{
    private const string State = "STATE";

    private readonly List<string[]> _rows = [];
    private readonly List<string> _lines = [];

    public void AddRow(params string[] cells) => _rows.Add([.. cells.Select(PrintableText.Of)]);

    public void AddLine(string line) => _lines.Add(PrintableText.Of(line));

    public string ToPlainText()
    {
        var text = new StringBuilder();
        string[][] lines = [heads, .. _rows];
        int[] widths = [.. Enumerable.Range(0, heads.Length).Select(column => lines.Max(line => line[column].Length))];
        foreach (string[] line in lines)
        {
            text.AppendLine(string.Join("  ", line.Select((cell, column) => numbers.Contains(heads[column])
                ? cell.PadLeft(widths[column])
                : cell.PadRight(widths[column]))).TrimEnd());
        }

        text.AppendLine();
        foreach (string line in _lines) text.AppendLine(line);
        return text.ToString();
    }

    public IRenderable Drawn()
    {
        var table = new Table { Border = TableBorder.Simple };
        foreach (string head in heads)
        {
            var column = new TableColumn(new Text(head));
            table.AddColumn(numbers.Contains(head) ? column.RightAligned() : column);
        }

        int state = Array.IndexOf(heads, State);
        foreach (string[] cells in _rows)
        {
            var style = new Style(cells[state] switch
            {
                "captured" => Color.Green,
                "pending" => Color.Yellow,
                "unsupported" => Color.Red,
                _ => Color.Grey,
            });
            table.AddRow(cells.Select((cell, column) => new Text(cell, column == state ? style : null)));
        }

        return new Rows([table, .. _lines.Select(line => new Text(line))]);
    }

    /// <summary>Drawn when the output is the console and a terminal, else plain.</summary>
    public Task WriteAsync(TextWriter output)
    {
        if (!IsTerminal(output)) return output.WriteAsync(ToPlainText());
        AnsiConsole.Write(Drawn());
        return Task.CompletedTask;
    }

    /// <summary>Whether it is the console, and that a terminal.</summary>
    public static bool IsTerminal(TextWriter output) => ReferenceEquals(output, Console.Out) && !Console.IsOutputRedirected;
}
