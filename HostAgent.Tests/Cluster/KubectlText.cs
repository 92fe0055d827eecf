namespace HostAgent.Tests.Cluster;

/// <summary>
/// What kubectl prints, with the parts that matter to a reader: quoting, long unused parts, fields after and before status.
/// </summary>
internal static class KubectlText
{
    public const string Yaml = """
        apiVersion: v1
        items:
        - apiVersion: v1
          kind: Pod
          metadata:
            annotations:
              k8s.v1.cni.cncf.io/network-status: |-
                [{
                    "name": "cbr0",
                    "ips": ["10.244.0.5"],
                    "default": true
                },{
                    "name": "team-a/net1",
                    "interface": "net1",
                    "ips": ["192.168.7.2", "fd07::2", "nonsense"],
                    "mac": "5a:47:5b:23:d1:aa"
                }]
            creationTimestamp: "2026-01-05T10:00:00Z"
            labels:
              app: api
              build: "1"
              enabled: "true"
              mirror: "on"
              quoted: 'null'
            managedFields:
            - apiVersion: v1
              fieldsV1:
                f:metadata:
                  f:labels:
                    .: {}
                    f:app: {}
              manager: kubectl
            name: api-0
            namespace: team-a
            resourceVersion: "4711"
            uid: 0b2e8e0a-0000-4000-8000-000000000001
          spec:
            containers:
            - command: ["sh", "-c", "echo 'status: {}'; sleep 1"]
              image: example/api:1
              name: api
              env:
              - name: nodeName
                value: not-this
            nodeName: node-1
            serviceAccountName: default
          status:
            conditions:
            - lastProbeTime: null
              status: "True"
              type: Initialized
            - lastProbeTime: null
              status: "True"
              type: Ready
            hostIP: 172.30.0.1
            phase: Running
            podIP: 10.244.0.5
            podIPs:
            - ip: 10.244.0.5
            - ip: fd00::5
        - apiVersion: v1
          kind: Pod
          metadata: {name: proxy, namespace: kube-system, uid: u2, deletionTimestamp: 2026-01-05T10:00:00Z}
          spec: {nodeName: node-1, hostNetwork: true}
          status: {phase: Pending, podIP: 172.30.0.1, conditions: [{type: Ready, status: "False"}]}
        - apiVersion: v1
          kind: Pod
          metadata: {name: elsewhere, namespace: team-a, uid: u3}
          spec: {nodeName: node-2}
        - apiVersion: v1
          kind: Pod
          metadata: {name: unscheduled, namespace: team-a, uid: u4}
          spec: {}
          status: {phase: Pending, conditions: [{type: PodScheduled, status: "False"}]}
        - apiVersion: v1
          kind: Namespace
          metadata:
            labels:
              kubernetes.io/metadata.name: team-a
              mirror: "on"
            name: team-a
            uid: n1
          spec: {finalizers: [kubernetes]}
          status: {phase: Active}
        - apiVersion: v1
          kind: Service
          metadata: {name: unrelated, namespace: default}
        kind: List
        metadata:
          resourceVersion: ""
          selfLink: ""

        """;

    public const string PodJson = """
        {"apiVersion":"v1","kind":"Pod","metadata":{"name":"api-0","namespace":"team-a","uid":"u1","resourceVersion":"12",
         "labels":{"app":"api","a.b/c":""},"annotations":{"k8s.v1.cni.cncf.io/network-status":"[{\"ips\":[\"192.168.7.2\"]}]","x":"\u00e9"},
         "ownerReferences":[{"kind":"ReplicaSet","name":"api","uid":"r1"}]},
         "spec":{"nodeName":"node-1","hostNetwork":false,"containers":[{"name":"api","ports":[{"containerPort":8080}]}]},
         "status":{"phase":"Running","podIP":"10.0.0.2","podIPs":[{"ip":"10.0.0.2"},{"ip":"fd00::2"}],
          "conditions":[{"type":"Ready","status":"True"},{"type":"PodScheduled","status":"True"}]}}
        """;

    public const string NamespaceJson =
        """{"metadata":{"name":"team-a","uid":"n1","labels":{"mirror":"on"}},"kind":"Namespace","apiVersion":"v1"}""";
}
