using System.Net;
using HostAgent.Commands;

namespace HostAgent.Tests.Relay;

internal sealed class ReceiveArgumentsTests
{
    private static readonly string[] Needed = ["receive", "--listen", "[::]:57012", "--ca", "a", "--certificate", "c", "--key", "k"];

    [Test]
    public async Task Options_of_receive()
    {
        (int code, string error, ReceiveOptions? given) = await InvokeAsync([.. Needed, "--to-link", "lo", "--address", "127.0.0.1"]);
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(given, Is.EqualTo(new ReceiveOptions(IPEndPoint.Parse("[::]:57012"), "a", "c", "k")
        {
            ToLink = "lo",
            Address = IPAddress.Loopback,
        }));
        (_, _, given) = await InvokeAsync([.. Needed, "--to-file", "-", "--output", "json"]);
        Assert.That(given, Is.EqualTo(new ReceiveOptions(IPEndPoint.Parse("[::]:57012"), "a", "c", "k") { ToFile = "-", Json = true }));
    }

    [TestCase("", "give either --to-link LINK with --address A, or --to-file FILE")]
    [TestCase("--to-file - --to-link lo --address 127.0.0.1", "give either --to-link")]
    [TestCase("--to-link lo", "--to-link LINK and --address A go together")]
    [TestCase("--to-file - --address 127.0.0.1", "--to-link LINK and --address A go together")]
    [TestCase("--to-link lo --address localhost", "'localhost' is no unicast IPv4 or IPv6 address")]
    [TestCase("--to-file - --listen 127.0.0.1:1,127.0.0.2:1", "--listen takes one")]
    [TestCase("--to-file - --listen 57012", "ADDR:PORT")]
    public async Task A_wrong_command_line_is_one_error_and_nothing_is_done(string options, string says)
    {
        string[] needed = options.Contains("--listen", StringComparison.Ordinal) ? ["receive", .. Needed[3..]] : Needed;
        (int code, string error, ReceiveOptions? given) =
            await InvokeAsync([.. needed, .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        Assert.That((code, given), Is.EqualTo((1, (ReceiveOptions?)null)));
        Assert.That(error, Does.Contain(says));
    }

    private static async Task<(int Code, string Error, ReceiveOptions? Given)> InvokeAsync(string[] arguments)
    {
        ReceiveOptions? given = null;
        using StringWriter output = new(), error = new();
        var handlers = new CommandHandlers
        {
            Receive = (options, _) =>
            {
                given = options;
                return Task.FromResult(0);
            },
        };
        int code = await new AgentCommandLine(_ => null).InvokeAsync(arguments, handlers, output, error, isRoot: false);
        return (code, error.ToString(), given);
    }
}
