namespace HostAgent.Tests.Policy;

/// <summary>The policy of the documentation, and variations of it.</summary>
internal static class PolicyText
{
    public const string Complete = """
        apiVersion: hostagent/v1
        kind: MirrorPolicy
        sensor:
          selector: {matchLabels: {run: sensor}}     # or: address: 127.0.0.1
          namespaces: [security]                     # required with selector: who may be a sensor
          port: 4789
          reads: sniff                               # or socket
          sourcePorts: {first: 49152, count: 16}     # optional
        vni: 1
        rules:                                       # the first match decides
        - name: payments
          namespaceSelector: {matchLabels: {mirror: "on"}}
          podSelector: {matchExpressions: [{key: app, operator: In, values: [api, db]}]}   # optional
          vni: 100                                   # optional
        - name: rest
          namespaceSelector:
            matchExpressions:
            - {key: example.com/tier, operator: NotIn, values: ["1", ""]}
            - {key: quiet, operator: DoesNotExist}

        """;

    /// <summary>A good policy with its sensor's and its only rule's lines as given, each below its parent.</summary>
    public static string With(string? sensor = null, string? rule = null, string? top = null) => $"""
        apiVersion: hostagent/v1
        kind: MirrorPolicy
        vni: 1
        sensor:
          {sensor ?? "address: 127.0.0.1"}
        rules:
        - {rule ?? "{name: all, namespaceSelector: {}}"}
        {top}
        """;
}
