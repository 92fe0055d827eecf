using System.Collections.Immutable;
using System.CommandLine.Parsing;
using System.Net;
using HostAgent.Capture;
using HostAgent.Cluster;
using HostAgent.Filters;
using HostAgent.Policy;

namespace HostAgent.Commands;

/// <summary>
/// What the text of an option, an argument or an environment variable stands for. Text that stands for nothing becomes the command line's
/// error; what is returned then is of no use.
/// </summary>
internal static class OptionText
{
    public static IPAddress? Address(ArgumentResult result, string text)
    {
        IPAddress? address = IpText.Parse(text);
        if (address is null) result.AddError($"'{text}' is no unicast IPv4 or IPv6 address");
        return address;
    }

    public static ImmutableArray<IPEndPoint> Listen(ArgumentResult result, string text)
    {
        if (!ListenAddress.TryParse(text, out ImmutableArray<IPEndPoint> addresses, out string? error)) result.AddError(error);
        return addresses;
    }

    /// <param name="result">Whose text it is.</param>
    /// <param name="variable">The environment variable's name.</param>
    /// <param name="value">Its value; null when it is not set or empty.</param>
    public static bool Flag(ArgumentResult result, string variable, string? value)
    {
        if (value is not (null or "true" or "false")) result.AddError($"{variable} is '{value}': it must be true or false");
        return value == "true";
    }

    public static string Node(ArgumentResult result, string text)
    {
        if (string.IsNullOrWhiteSpace(text))
            result.AddError("the node's name is empty: give it with --node-name NAME or NODE_NAME, or neither for the host's name");
        return text;
    }

    public static PodName? Pod(ArgumentResult result, string text)
    {
        PodName? pod = PodName.Parse(text);
        if (pod is null) result.AddError($"'{text}' is no pod: write NAMESPACE/NAME");
        return pod;
    }

    public static CaptureBackend Backend(ArgumentResult result, string text)
    {
        if (text is not ("ring" or "pcap")) result.AddError($"'{text}' is no way to capture: it must be ring or pcap");
        return text == "pcap" ? CaptureBackend.Pcap : CaptureBackend.Ring;
    }

    public static FrameFilter? Filter(ArgumentResult result, string expression)
    {
        try
        {
            return FrameFilter.Compile(expression);
        }
        catch (FilterException e)
        {
            result.AddError(e.Message);
            return null;
        }
    }

    public static TimeSpan Length(ArgumentResult result, string text)
    {
        if (Duration.Parse(text) is { } duration) return duration;
        result.AddError($"'{text}' is no duration: it must be a whole number and ms, s, m or h, such as 20s, up to a day");
        return default;
    }
}
