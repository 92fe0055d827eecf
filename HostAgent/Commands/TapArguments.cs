using System.CommandLine;
using System.CommandLine.Parsing;
using HostAgent.Filters;

namespace HostAgent.Commands;

/// <summary>What only <c>tap</c> takes on the command line.</summary>
internal sealed class TapArguments
{
    private readonly Argument<string> _pod = new("NAMESPACE/POD") { Description = "A pod of this node, such as shop/api-0." };

    private readonly Option<FrameFilter?> _filter = new("--filter")
    {
        HelpName = "EXPR",
        Description = "Only frames that match this pcap-filter(7) expression. Needs libpcap.",
        CustomParser = result => OptionText.Filter(result, result.Tokens[^1].Value),
    };

    private readonly Option<string?> _write = new("--write")
    {
        HelpName = "-|FILE",
        Description = "Where the capture goes, as pcapng; - is stdout. [default: -, and with --print nowhere]",
    };

    private readonly Option<long?> _count = new("--count") { HelpName = "N", Description = "End after so many frames." };

    private readonly Option<TimeSpan?> _duration = new("--duration")
    {
        HelpName = "30s",
        Description = "End after so long.",
        CustomParser = result => OptionText.Length(result, result.Tokens[^1].Value),
    };

    private readonly Option<bool> _print = new("--print") { Description = "Print a line for each frame on stdout." };

    public TapArguments()
    {
        _pod.Validators.Add(result =>
        {
            if (result.Tokens is [.., { Value: var value }]) OptionText.Pod(result, value);
        });
        _count.Validators.Add(result =>
        {
            if (result.Tokens is [.., { Value: var value }] && !(long.TryParse(value, out long count) && count >= 1))
                result.AddError($"'{value}' is no number of frames: --count takes one from 1 on");
        });
    }

    public void AddTo(Command command)
    {
        command.Add(_pod);
        foreach (Option option in new Option[] { _filter, _write, _count, _duration, _print }) command.Add(option);
        command.Validators.Add(result =>
        {
            if (result.GetValue(_print) && result.GetValue(_write) == TapOptions.Stdout)
                result.AddError("stdout has room for one of them: --print with --write FILE, or --write - alone");
        });
    }

    public TapOptions Read(ParseResult result) => new(result.GetValue(_pod)!)
    {
        Filter = result.GetValue(_filter),
        Write = result.GetValue(_write) ?? (result.GetValue(_print) ? null : TapOptions.Stdout),
        Count = result.GetValue(_count),
        Duration = result.GetValue(_duration),
        Print = result.GetValue(_print),
    };
}
