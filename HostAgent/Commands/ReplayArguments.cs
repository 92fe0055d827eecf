using System.CommandLine;
using System.CommandLine.Parsing;

namespace HostAgent.Commands;

/// <summary>What <c>replay</c> takes on the command line beside what it has in common with <c>run</c>.</summary>
internal sealed class ReplayArguments
{
    private readonly Argument<string> _file = new("FILE") { Description = "A capture file of Ethernet frames, pcap or pcapng." };
    private readonly Option<string?> _pod = new("--pod")
    {
        HelpName = "NAMESPACE/NAME",
        Description = "Whose frames they are said to be: they have the VNI of the rule that selects this pod of the node. "
            + "[default: nobody's, in the policy's own VNI]",
    };

    private readonly Option<double> _speed = new("--speed")
    {
        HelpName = "1x",
        Description = "How fast, beside the capture: 1x, 0.5x, 20x; max: as fast as it can be sent. [default: 1x]",
        CustomParser = result => Speed(result, result.Tokens[^1].Value),
        DefaultValueFactory = _ => 1,
    };

    private readonly Option<int> _loops = new("--loop")
    {
        HelpName = "N",
        Description = "How often the file is replayed.",
        DefaultValueFactory = _ => 1,
    };

    private readonly Option<bool> _print = new("--print") { Description = "Print a line for each frame." };

    public ReplayArguments()
    {
        _pod.Validators.Add(result =>
        {
            if (result.Tokens is [.., { Value: var value }] && value.Split('/') is not [{ Length: > 0 }, { Length: > 0 }])
                result.AddError($"'{value}' is no pod: write NAMESPACE/NAME");
        });
        _loops.Validators.Add(result =>
        {
            if (result.Tokens is [.., { Value: var value }] && !(int.TryParse(value, out int count) && count >= 1))
                result.AddError($"'{value}' is no number of rounds: --loop takes one from 1 on");
        });
    }

    public void AddTo(Command command)
    {
        command.Add(_file);
        foreach (Option option in new Option[] { _pod, _speed, _loops, _print }) command.Add(option);
    }

    public ReplayOptions Read(ParseResult result) => new(result.GetValue(_file)!)
    {
        Pod = result.GetValue(_pod),
        Speed = result.GetValue(_speed),
        Loops = result.GetValue(_loops),
        Print = result.GetValue(_print),
    };

    private static double Speed(ArgumentResult result, string text)
    {
        if (ReplayOptions.ParseSpeed(text) is { } speed) return speed;
        result.AddError($"'{text}' is no speed: it must be max, or a number and x, such as 1x, 0.5x or 20x");
        return default;
    }
}
