using HostAgent.Lab;

namespace HostAgent.Tests.Applications;

/// <summary>What tshark makes of the applications inside the tunnel, as a sensor would: streams reassembled, messages decoded.</summary>
/// <param name="file">What the sensor captured.</param>
internal sealed class SensorReading(string file)
{
    /// <summary>The values of a field, in the order in which they crossed; several in one packet are several here.</summary>
    /// <param name="filter">A display filter; of what else a packet has nothing is taken.</param>
    /// <param name="field">Its name.</param>
    /// <param name="options">Further options of tshark, such as those of a port that it does not know.</param>
    public IReadOnlyList<string> Values(string filter, string field, params string[] options) =>
        [.. Lines(filter, [field], options).SelectMany(line => line.Split('|'))];

    /// <summary>A line for each packet: the fields, with tabs between them.</summary>
    public IReadOnlyList<string> Lines(string filter, string[] fields, params string[] options) =>
        [.. HostTool.Run("tshark",
            ["-r", file, "-n", .. options, "-Y", filter, "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=|",
            .. fields.SelectMany(field => new[] { "-e", field })]).Split('\n', StringSplitOptions.RemoveEmptyEntries)];

    /// <summary>The bodies of HTTP answers, by the last part of their path.</summary>
    public IReadOnlyDictionary<string, byte[]> HttpBodies()
    {
        using var to = new TemporaryDirectory();
        HostTool.Run("tshark", ["-r", file, "-n", "-q", "--export-objects", $"http,{to.Path}"]);
        return Directory.EnumerateFiles(to.Path).ToDictionary(path => Path.GetFileName(path), File.ReadAllBytes);
    }
}
