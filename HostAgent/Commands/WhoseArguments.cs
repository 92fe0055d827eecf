using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;
using HostAgent.PodMap;

namespace HostAgent.Commands;

/// <summary>What <c>whose</c> is asked.</summary>
internal sealed class WhoseArguments
{
    private readonly Argument<IPAddress?> _address = new("ADDRESS")
    {
        Description = "An IPv4 or IPv6 address of a pod or a service.",
        CustomParser = result => OptionText.Address(result, result.Tokens[^1].Value),
    };

    private readonly Option<DateTimeOffset> _at = new("--at")
    {
        HelpName = "TIME",
        Description = "When: a time of RFC 3339, such as 2026-11-24T03:12:07Z, or seconds since 1970, as Zeek logs them. [default: now]",
        CustomParser = At,
        DefaultValueFactory = _ => DateTimeOffset.UtcNow,
    };

    private readonly Option<string> _directory = new("--directory")
    {
        HelpName = "DIR",
        Description = "The pod map, as in the policy's podMap.directory.",
        DefaultValueFactory = _ => PodMapDirectory.Usual,
    };

    private readonly Option<string> _format = new("--output")
    {
        Description = "How to print it. json: the line of the history.",
        DefaultValueFactory = _ => "text",
    };

    public WhoseArguments() => _format.AcceptOnlyFromAmong("text", "json");

    public Command ToCommand(Func<IPAddress, DateTimeOffset, string, bool, int> whose)
    {
        var command = new Command(
            "whose", "Say whose an address was at a time, from the pod map's history. Ends with 3 when nobody is known to have had it.")
            { _address, _at, _directory, _format };
        command.SetAction(result => whose(
            result.GetValue(_address)!, result.GetValue(_at), result.GetValue(_directory)!, result.GetValue(_format) == "json"));
        return command;
    }

    private static DateTimeOffset At(ArgumentResult result)
    {
        string text = result.Tokens[^1].Value;
        const DateTimeStyles Utc = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        string[] formats = ["yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"];
        if (DateTimeOffset.TryParseExact(text, formats, CultureInfo.InvariantCulture, Utc, out DateTimeOffset time)) return time;
        if (decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal seconds)
            && seconds is >= 0 and <= 253_402_300_799m)
            return DateTimeOffset.UnixEpoch.AddTicks((long)(seconds * TimeSpan.TicksPerSecond));
        result.AddError($"'{text}' is no time: it must be like 2026-11-24T03:12:07Z or 1795576327.5");
        return default;
    }
}
