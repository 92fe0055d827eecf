using System.Globalization;
using System.Text;

namespace HostAgent.Bench.PodMaps;

/// <summary>Pods and services of a large cluster as its API server writes them, with what nobody asks for: managed fields, spec.</summary>
internal static class GeneratedPod
{
    private const int PodsPerNode = 30, PodsPerService = 25;

    private static readonly string Unused = new('x', 1800);

    public static int Services(int pods) => pods / PodsPerService;

    /// <param name="number">Which; its address follows from it.</param>
    /// <param name="version">Of the object.</param>
    public static byte[] Json(int number, long version)
    {
        int node = number / PodsPerNode;
        string ip = string.Create(CultureInfo.InvariantCulture, $"10.{number >> 16}.{(number >> 8) & 255}.{number & 255}");
        return Encoding.UTF8.GetBytes($$$$"""
            {"metadata":{"name":"api-7d4b9c6f58-{{{{number:x5}}}}","generateName":"api-7d4b9c6f58-","namespace":"team-{{{{number % 200}}}}",
            "uid":"8d0e4c5e-0000-4000-8000-{{{{number:x12}}}}","resourceVersion":"{{{{version}}}}",
            "creationTimestamp":"2026-01-01T00:00:00Z",
            "labels":{"app":"api","pod-template-hash":"7d4b9c6f58","app.kubernetes.io/part-of":"shop-{{{{number % 50}}}}"},
            "ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"api-7d4b9c6f58","uid":"u","controller":true}],
            "managedFields":[{"manager":"kubelet","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1",
            "fieldsV1":{"f:x":"{{{{Unused}}}}"}}]},
            "spec":{"nodeName":"node-{{{{node}}}}","serviceAccountName":"api","restartPolicy":"Always",
            "containers":[{"name":"api","image":"registry.example/api:1","env":[{"name":"A","value":"{{{{Unused}}}}"}],"resources":{}}]},
            "status":{"phase":"Running","hostIP":"192.168.{{{{node >> 8}}}}.{{{{node & 255}}}}","podIP":"{{{{ip}}}}",
            "podIPs":[{"ip":"{{{{ip}}}}"}],
            "conditions":[{"type":"Ready","status":"True"}],"qosClass":"BestEffort"}}
            """);
    }

    public static byte[] ServiceJson(int number) => Encoding.UTF8.GetBytes($$$"""
        {"metadata":{"name":"api-{{{number}}}","namespace":"team-{{{number % 200}}}","uid":"5e000000-0000-4000-8000-{{{number:x12}}}",
        "resourceVersion":"1"},"spec":{"type":"ClusterIP","clusterIP":"172.16.{{{number >> 8}}}.{{{number & 255}}}",
        "clusterIPs":["172.16.{{{number >> 8}}}.{{{number & 255}}}"],"ports":[{"port":80}]},"status":{}}
        """);
}
