using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace HostAgent.Tests.Deploy.Chart;

/// <summary>
/// The part of Helm's templates that the chart keeps to: paths, if, else, with, or, toYaml, nindent, quote and .Files.Get. Whatever else
/// stands in a template fails, and so does a path that leads nowhere, for which Helm prints nothing.
/// </summary>
/// <param name="name">What errors call it.</param>
/// <param name="text">With actions in double braces (Go's text/template).</param>
/// <param name="root">What the paths start from: Values and Release.</param>
/// <param name="file">The text of a file of the chart; null where there is none.</param>
internal sealed partial class ChartTemplate(string name, string text, JsonObject root, Func<string, string?> file)
{
    /// <summary>From here on Go prints a number of values.yaml, which is a float64 to Helm, as 1e+06.</summary>
    private const long Exponent = 1_000_000;

    private readonly StringBuilder _output = new();
    private readonly Stack<Block> _blocks = new();
    private int _line = 1;

    private bool Live => !_blocks.TryPeek(out Block? block) || block.Live;

    private JsonNode? Dot => _blocks.TryPeek(out Block? block) ? block.Dot : root;

    /// <exception cref="TemplateException">It is no such template.</exception>
    public string Render()
    {
        int at = 0;
        bool trim = false;
        foreach (Match action in Actions().Matches(text))
        {
            Write(text[at..action.Index], trim, action.Groups["left"].Success);
            trim = action.Groups["right"].Success;
            at = action.Index + action.Length;
            Do(action.Groups["what"].Value);
        }

        Write(text[at..], trim, trimEnd: false);
        if (_blocks.TryPeek(out Block? open)) throw new TemplateException(name, open.Line, "a block without its end");
        return _output.ToString();
    }

    /// <summary>What stands between two actions, which lie on one line each.</summary>
    private void Write(string plain, bool trimStart, bool trimEnd)
    {
        int open = plain.IndexOf("{{", StringComparison.Ordinal);
        _line += plain.AsSpan(0, open < 0 ? plain.Length : open).Count('\n');
        if (open >= 0) throw Fault("an action without its end on the line");
        if (trimStart) plain = plain.TrimStart();
        if (trimEnd) plain = plain.TrimEnd();
        if (Live) _output.Append(plain);
    }

    private void Do(string action)
    {
        Match block = Blocks().Match(action);
        if (!block.Success)
        {
            if (!Pipelines().IsMatch(action)) throw Fault($"'{action}' is not among what this chart uses of Helm");
            if (Live) _output.Append(Value(action));
            return;
        }

        string[] paths = [.. block.Groups["path"].Captures.Select(path => path.Value)];
        switch (block.Groups["word"].Value)
        {
            case "end":
                _ = Inner();
                _blocks.Pop();
                break;
            case "else" or "else if":
                Block taken = Inner();
                if (taken.Last) throw Fault("a branch after the else");
                _blocks.Pop();
                bool holds = Live && !taken.Done && (paths is [] || paths.Any(IsTrue));
                _blocks.Push(taken with { Live = holds, Done = taken.Done || holds, Last = paths is [], Dot = Dot });
                break;
            case var word:
                bool chosen = Live && paths.Any(IsTrue);
                JsonNode? dot = chosen && word == "with" ? At(paths[0]) : Dot;
                _blocks.Push(new Block(_line, Live: chosen, Done: chosen, Last: false, dot));
                break;
        }
    }

    private Block Inner() => _blocks.TryPeek(out Block? block) ? block : throw Fault("there is no block here");

    private string Value(string pipeline)
    {
        string[] stages = pipeline.Split(" | ");
        string value = stages[0].Split(' ') switch
        {
            ["toYaml", var path] => KubernetesYaml.Block(At(path)),
            [".Files.Get", var quoted] => file(quoted.Trim('"')) ?? throw Fault($"the chart has no file {quoted}"),
            _ => Printed(stages[0]),
        };
        return stages.Skip(1).Aggregate(value, (piped, stage) => stage == "quote"
            ? JsonSerializer.Serialize(piped)
            : Indented(piped, int.Parse(stage.Split(' ')[1])));
    }

    private string Printed(string path) => At(path) switch
    {
        JsonValue value when value.TryGetValue(out string? plain) => plain,
        JsonValue value when value.TryGetValue(out bool truth) => truth ? "true" : "false",
        JsonValue value when value.TryGetValue(out long number) && Math.Abs(number) < Exponent => $"{number}",
        var other => throw Fault($"{path} is {other?.ToJsonString() ?? "null"}, which Helm prints as Go does: use toYaml"),
    };

    private static string Indented(string lines, int columns) =>
        '\n' + string.Join('\n', lines.Split('\n').Select(line => new string(' ', columns) + line));

    /// <summary>By Go's rule: neither false, 0 nor empty.</summary>
    private bool IsTrue(string path) => At(path) switch
    {
        null => false,
        JsonObject map => map.Count > 0,
        JsonArray list => list.Count > 0,
        var value => value.ToJsonString() is not ("false" or "0" or "\"\""),
    };

    private JsonNode? At(string path)
    {
        JsonNode? node = Dot;
        foreach (string key in path.Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            if (node is not JsonObject map || !map.TryGetPropertyValue(key, out node)) throw Fault($"{path} leads nowhere");
        }

        return node;
    }

    private TemplateException Fault(string why) => new(name, _line, why);

    /// <summary>White space beside a dash goes. An action stays on its line.</summary>
    [GeneratedRegex(@"\{\{(?<left>-(?=\s))?[ ]*(?<what>.*?)[ ]*(?<right>(?<=\s)-)?\}\}")]
    private static partial Regex Actions();

    [GeneratedRegex(
        @"\A(?:(?<word>end|else)|(?<word>(?:else )?if|with) (?<path>\.[\w.]*)|(?<word>(?:else )?if) or(?: (?<path>\.[\w.]*)){2,})\z")]
    private static partial Regex Blocks();

    [GeneratedRegex(@"\A(?:\.Files\.Get ""[^""]+""|(?:toYaml )?\.[\w.]*)(?: \| (?:quote|nindent [0-9]+))*\z")]
    private static partial Regex Pipelines();

    /// <param name="Line">Where it begins.</param>
    /// <param name="Live">What stands here is written.</param>
    /// <param name="Done">A branch of it has been written.</param>
    /// <param name="Last">The else has been seen.</param>
    /// <param name="Dot">What a path starts from here.</param>
    private sealed record Block(int Line, bool Live, bool Done, bool Last, JsonNode? Dot);
}
