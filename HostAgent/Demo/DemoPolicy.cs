using HostAgent.Lab;

namespace HostAgent.Demo;

/// <summary>The demo's policies: everything, and less of it.</summary>
internal static class DemoPolicy
{
    /// <summary>All that the pods send and receive.</summary>
    public static string Everything { get; } = AgentFiles.PolicyOf(AgentFiles.Selected, vni: 100);

    /// <summary>All that the pods send and receive, and a map of whose their addresses are.</summary>
    public static string Mapped(string directory) => $"{Everything}podMap: {{directory: {directory}}}\n";

    /// <summary>Of one namespace the start of each flow, of the other a part of the flows.</summary>
    public static string Dialled { get; } = $$$"""
        apiVersion: hostagent/v1
        kind: MirrorPolicy
        sensor: {{{AgentFiles.Selected}}}
        vni: 100
        defaults: {priority: high}
        rules:
        - name: shop
          namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}
          slice: 64KiB
        - name: web
          namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: web}}
          sample: 1/4

        """;
}
