using System.CommandLine;

namespace HostAgent.Commands;

/// <summary>The options that only <c>status</c> has.</summary>
internal sealed class StatusArguments
{
    private readonly Option<bool> _watch = new("--watch")
    {
        Description = "Go on, every 2 s, with what each pod carries in a second.",
    };

    private readonly Option<string> _format = new("--output")
    {
        Description = "How to print it. json: what /status says, one object on one line.",
        DefaultValueFactory = _ => "table",
    };

    public StatusArguments() => _format.AcceptOnlyFromAmong("table", "json");

    public void AddTo(Command command)
    {
        command.Add(_watch);
        command.Add(_format);
    }

    public (bool Watch, bool Json) Read(ParseResult result) => (result.GetValue(_watch), result.GetValue(_format) == "json");
}
