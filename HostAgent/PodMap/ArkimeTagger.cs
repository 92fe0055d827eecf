using System.Text;

namespace HostAgent.PodMap;

/// <summary>
/// The map as Arkime's WISE reads it from a file of format "tagger": a line of fields that it adds, then a line for each address with their
/// values. Names of fields are short, since they are repeated in each session.
/// </summary>
internal static class ArkimeTagger
{
    private const string Fields = """
        #field:k8s.ns;kind:termfield;count:true;friendly:Kubernetes namespace;db:k8s.ns;help:Namespace of the pod or service;shortcut:0
        #field:k8s.name;kind:termfield;count:true;friendly:Kubernetes name;db:k8s.name;help:Name of the pod or service;shortcut:1
        #field:k8s.node;kind:termfield;count:true;friendly:Kubernetes node;db:k8s.node;help:Node of the pod;shortcut:2
        #field:k8s.kind;kind:termfield;count:true;friendly:Kubernetes kind;db:k8s.kind;help:pod or service;shortcut:3
        #field:k8s.label;kind:termfield;count:true;friendly:Kubernetes label;db:k8s.label;help:Label of the pod or service;shortcut:4

        """;

    public static byte[] Of(IEnumerable<AddressOwner> owners)
    {
        var text = new StringBuilder(Fields);
        foreach (AddressOwner owner in owners)
        {
            text.Append(owner.Ip).Append(";0=").Append(Value(owner.Namespace)).Append(";1=").Append(Value(owner.Name));
            if (owner.Node.Length > 0) text.Append(";2=").Append(Value(owner.Node));
            text.Append(";3=").Append(owner.Kind.Name());
            foreach (string label in owner.LabelWords) text.Append(";4=").Append(Value(label));
            text.Append('\n');
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <summary>As <see cref="ZeekTable"/>: only a cluster file can hold such characters.</summary>
    private static string Value(string text) => text.IndexOfAny([';', '\n', '\r']) < 0 ? text
        : new string([.. text.Select(c => c is ';' or '\n' or '\r' ? '_' : c)]);
}
