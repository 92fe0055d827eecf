using System.CommandLine;

namespace HostAgent.Commands;

/// <summary>The options that only <c>check</c> has.</summary>
internal sealed class CheckArguments
{
    private readonly Option<string?> _against = new("--against")
    {
        HelpName = "OLD",
        Description = "Show what changes compared with this policy file, rule by rule and pod by pod, and estimate its volume (takes 1 s).",
    };

    private readonly Option<string> _format = new("--output") { Description = "How to print it.", DefaultValueFactory = _ => "table" };

    public CheckArguments() => _format.AcceptOnlyFromAmong("table", "json");

    public void AddTo(Command command)
    {
        command.Add(_against);
        command.Add(_format);
    }

    public (string? Against, bool Json) Read(ParseResult result) => (result.GetValue(_against), result.GetValue(_format) == "json");
}
