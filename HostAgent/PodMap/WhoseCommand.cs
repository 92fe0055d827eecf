using System.Globalization;
using System.Net;
using System.Text.Json;
using HostAgent.Policy;

namespace HostAgent.PodMap;

/// <summary><c>host-agent whose</c>: whose an address was at a time, from the pod map's history.</summary>
internal static class WhoseCommand
{
    /// <summary>Nobody is known to have had the address then.</summary>
    public const int Unknown = 3;

    /// <param name="ip">The address.</param>
    /// <param name="at">When.</param>
    /// <param name="directory">The pod map's.</param>
    /// <param name="json">A line of JSON, as in the history, in place of a sentence.</param>
    /// <param name="output">Where to.</param>
    /// <param name="error">Where it goes that nobody is known.</param>
    /// <returns>0, or <see cref="Unknown"/>.</returns>
    /// <exception cref="IOException">There is no history; the message says what to do.</exception>
    public static int Run(IPAddress ip, DateTimeOffset at, string directory, bool json, TextWriter output, TextWriter error)
    {
        AddressOwner[] owners = [.. new AddressHistory(directory).Owners().Where(owner => owner.Ip.Equals(ip))];
        if (owners.Length == 0 && !File.Exists(Path.Combine(directory, "history.ndjson")))
        {
            throw new IOException($"there is no history.ndjson in {directory}: "
                + "say podMap in the policy, and give its directory with --directory");
        }

        AddressOwner? owner = At(owners, at);
        if (owner is null)
        {
            error.WriteLine($"nobody is known to have had {ip} at {Time(at)}{PrintableText.Of(Nearest(owners, at))}");
            return Unknown;
        }

        output.WriteLine(json ? Line(owner) : PrintableText.Of(InWords(owner, at)));
        return 0;
    }

    /// <summary>Whoever began last before that time; somebody who had ended by then only for as long as the map kept it.</summary>
    public static AddressOwner? At(IEnumerable<AddressOwner> owners, DateTimeOffset at) => owners
        .Where(owner => owner.Since <= at && (owner.Until is null || at < owner.Until + AddressBook.Kept))
        .MaxBy(owner => owner.Since);

    private static string InWords(AddressOwner owner, DateTimeOffset at) =>
        $"{owner.Kind.Name()} {owner.Namespace}/{owner.Name}"
        + (owner.Node.Length == 0 ? "" : $" on {owner.Node}{(owner.NodeIp is null ? "" : $" ({owner.NodeIp})")}")
        + $", from {Time(owner.Since)} "
        + (owner.Until is not { } until ? "on" : at < until ? $"until {Time(until)}"
            : $"until {Time(until)}, {(at - until).TotalSeconds:N0} s before; nobody else has had the address since")
        + $"; uid {owner.Uid}{(owner.Labels.IsEmpty ? "" : $"; labels {string.Join(' ', owner.LabelWords)}")}";

    private static string Line(AddressOwner owner) =>
        JsonSerializer.Serialize(AddressRecord.Of(owner), PodMapJsonContext.Default.AddressRecord);

    /// <summary>What helps whoever has mistaken the day or the time zone.</summary>
    private static string Nearest(AddressOwner[] owners, DateTimeOffset at)
    {
        if (owners.Length == 0) return ", and the history does not know the address";
        AddressOwner nearest = owners.MinBy(owner => (owner.Since > at ? owner.Since - at : at - (owner.Until ?? owner.Since)).Duration())!;
        return $"; the nearest is {InWords(nearest, nearest.Since)}";
    }

    private static string Time(DateTimeOffset time) =>
        time.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
