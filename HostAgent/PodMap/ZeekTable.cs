using System.Globalization;
using System.Text;

namespace HostAgent.PodMap;

/// <summary>
/// The map as Zeek's Input Framework reads it with its defaults (base/frameworks/input/readers/ascii): fields separated by tabs, a set's
/// elements by commas, "-" for a field that is unset, "(empty)" for one that is empty. A row for each address.
/// </summary>
internal static class ZeekTable
{
    private const string Unset = "-", Empty = "(empty)";

    private static readonly string[] Fields = ["ip", "ns", "name", "node", "node_ip", "uid", "since", "labels", "kind"];

    public static byte[] Of(IEnumerable<AddressOwner> owners)
    {
        var text = new StringBuilder("#fields\t").AppendJoin('\t', Fields).Append('\n');
        foreach (AddressOwner owner in owners)
        {
            text.Append(owner.Ip).Append('\t').Append(Field(owner.Namespace)).Append('\t').Append(Field(owner.Name)).Append('\t')
                .Append(owner.Node.Length == 0 ? Unset : Field(owner.Node)).Append('\t')
                .Append(owner.NodeIp?.ToString() ?? Unset).Append('\t').Append(Field(owner.Uid)).Append('\t')
                .Append(CultureInfo.InvariantCulture, $"{owner.Since.ToUnixTimeMilliseconds() / 1000.0:F3}").Append('\t');
            if (owner.Labels.IsEmpty) text.Append(Empty);
            else text.AppendJoin(',', owner.LabelWords.Select(Field));
            text.Append('\t').Append(owner.Kind.Name()).Append('\n');
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <summary>
    /// Kubernetes allows none of these characters in names and labels. A cluster file may hold anything, and a row is to stay a row.
    /// </summary>
    private static string Field(string text) =>
        text.Length == 0 ? Empty : text.IndexOfAny(['\t', '\n', '\r', ',']) < 0 ? text
            : new string([.. text.Select(c => c is '\t' or '\n' or '\r' or ',' ? '_' : c)]);
}
