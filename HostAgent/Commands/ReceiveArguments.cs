using System.Collections.Immutable;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;

namespace HostAgent.Commands;

/// <summary>What <c>receive</c> takes on the command line.</summary>
internal sealed class ReceiveArguments
{
    private readonly Option<IPEndPoint?> _listen = new("--listen")
    {
        HelpName = "ADDR:PORT",
        Description = "Where agents connect to.",
        Required = true,
        CustomParser = result => One(result, result.Tokens[^1].Value),
    };

    private readonly Option<string> _authority = File("--ca", "The authority that issues agents' certificates, in PEM.");
    private readonly Option<string> _certificate = File(
        "--certificate", "The certificate that agents are shown, in PEM. Read again when it changes, as are the two others.");

    private readonly Option<string> _key = File("--key", "Its private key, in PEM.");
    private readonly Option<string?> _toLink = new("--to-link")
    {
        HelpName = "LINK",
        Description = "Write the frames onto this link, in VXLAN, as an agent does for a sensor that sniffs. Needs root, or NET_RAW.",
    };

    private readonly Option<IPAddress?> _address = new("--address")
    {
        HelpName = "A",
        Description = "The address that these datagrams are for.",
        CustomParser = result => OptionText.Address(result, result.Tokens[^1].Value),
    };

    private readonly Option<string?> _toFile = new("--to-file")
    {
        HelpName = "FILE",
        Description = "Write the frames to this file or pipe, in pcapng; - for stdout.",
    };

    private readonly Option<string> _format = new("--output")
    {
        Description = "How the sum at the end is printed.",
        DefaultValueFactory = _ => "text",
    };

    public ReceiveArguments() => _format.AcceptOnlyFromAmong("text", "json");

    public Command ToCommand(Func<ReceiveOptions, CancellationToken, Task<int>> receive)
    {
        var command = new Command(
            "receive", "Receive the streams of agents on other hosts (the policy's sensor.offHost), and account for them.")
            { _listen, _authority, _certificate, _key, _toLink, _address, _toFile, _format };
        command.Validators.Add(result =>
        {
            bool link = result.GetResult(_toLink) is not null, file = result.GetResult(_toFile) is not null;
            if (link == file) result.AddError("give either --to-link LINK with --address A, or --to-file FILE");
            else if (link != result.GetResult(_address) is not null) result.AddError("--to-link LINK and --address A go together");
        });
        command.SetAction((result, cancellation) => receive(Read(result), cancellation));
        return command;
    }

    private ReceiveOptions Read(ParseResult result) => new(
        result.GetValue(_listen)!, result.GetValue(_authority)!, result.GetValue(_certificate)!, result.GetValue(_key)!)
    {
        ToLink = result.GetValue(_toLink),
        Address = result.GetValue(_address),
        ToFile = result.GetValue(_toFile),
        Json = result.GetValue(_format) == "json",
    };

    private static Option<string> File(string name, string description) => new(name)
    {
        HelpName = "FILE",
        Description = description,
        Required = true,
    };

    private static IPEndPoint? One(ArgumentResult result, string text)
    {
        ImmutableArray<IPEndPoint> addresses = OptionText.Listen(result, text);
        if (addresses.Length > 1) result.AddError($"'{text}' is several addresses: --listen takes one");
        return addresses.FirstOrDefault();
    }
}
