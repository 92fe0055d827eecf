using System.Net;

namespace HostAgent.Demo;

/// <summary>pods.tsv as a sensor reads it: the columns by their names in the first line, "-" for what is not set.</summary>
internal sealed class PodNames
{
    private static readonly string[] Columns = ["ns", "name", "node", "node_ip"];

    private readonly Dictionary<IPAddress, Dictionary<string, string>> _rows = [];

    private PodNames()
    {
    }

    public static PodNames Read(string file)
    {
        string[] lines = File.ReadAllLines(file);
        string[] columns = lines[0].Split('\t')[1..];
        var names = new PodNames();
        foreach (string line in lines[1..])
        {
            var row = columns.Zip(line.Split('\t')).Where(cell => cell.Second != "-").ToDictionary(cell => cell.First, cell => cell.Second);
            names._rows[IPAddress.Parse(row["ip"])] = row;
        }

        return names;
    }

    /// <summary>The pod of an address, as Zeek's log has it: <c>PREFIX.ns</c>, <c>.name</c>, <c>.node</c>, <c>.node_ip</c>.</summary>
    public IEnumerable<(string Field, string Value)> Of(IPAddress address, string prefix) =>
        _rows.TryGetValue(address, out Dictionary<string, string>? row)
            ? Columns.Where(row.ContainsKey).Select(column => ($"{prefix}.{column}", row[column]))
            : [];
}
