namespace HostAgent.Lab;

/// <summary>A program that the demo or a test needs is not installed; the message is one line that names the package to install.</summary>
internal sealed class ProgramMissingException(string program, Exception inner)
    : Exception($"the program '{program}' is missing: install the package {Package(program)}", inner)
{
    private static string Package(string program) => program switch
    {
        "ip" or "bridge" or "tc" or "ss" => "iproute2",
        "dumpcap" => "wireshark-common",
        _ => program,
    };
}
