using System.CommandLine;

namespace HostAgent.Commands;

/// <summary>What <c>demo</c> takes on the command line.</summary>
internal sealed class DemoArguments
{
    private readonly Option<TimeSpan> _duration = new("--duration")
    {
        HelpName = "20s",
        Description = "How long the traffic runs. [default: 20s]",
        CustomParser = result => OptionText.Length(result, result.Tokens[^1].Value),
        DefaultValueFactory = _ => TimeSpan.FromSeconds(20),
    };

    private readonly Option<string> _format = new("--output")
    {
        Description = "json: one object as the last line.",
        DefaultValueFactory = _ => "text",
    };

    private readonly Option<bool> _hold = new("--hold")
    {
        Description = "Go on with the traffic after that, until Ctrl-C, so that one can look at the agent's page.",
    };

    public DemoArguments() => _format.AcceptOnlyFromAmong("text", "json");

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _duration, _format, _hold }) command.Add(option);
    }

    public (TimeSpan Duration, bool Json, bool Hold) Read(ParseResult result) =>
        (result.GetValue(_duration), result.GetValue(_format) == "json", result.GetValue(_hold));
}
