using System.Globalization;
using System.Text;

namespace HostAgent.Tests.Cluster;

/// <summary>What an API server stores: objects, their versions, and a history that can be compacted.</summary>
internal sealed class ApiObjects
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, SortedDictionary<string, string>> _objects = new() { ["pods"] = [], ["namespaces"] = [] };
    private readonly List<(long Version, string Resource, string Type, string Json)> _history = [];
    private readonly Dictionary<string, (long Version, string[] Left)> _continuations = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _version = 100;
    private long _compacted = 100;

    public long Version
    {
        get { lock (_gate) return _version; }
    }

    public void Put(string resource, string uid, Func<long, string> json)
    {
        lock (_gate)
        {
            string text = json(++_version);
            string type = _objects[resource].ContainsKey(uid) ? "MODIFIED" : "ADDED";
            _objects[resource][uid] = text;
            Tell(resource, type, text);
        }
    }

    public void PutPod(string uid, string @namespace = "a", string? ip = null, bool ready = true, string phase = "Running",
        string padding = "", string label = "x") =>
        Put("pods", uid, version => $$$"""
            {"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{{uid}}}","namespace":"{{{@namespace}}}","uid":"{{{uid}}}",
            "resourceVersion":"{{{version}}}","labels":{"app":"{{{label}}}"},"annotations":{"padding":"{{{padding}}}"}},
            "spec":{"nodeName":"node-1"},
            "status":{"phase":"{{{phase}}}","podIPs":[{{{(ip is null ? "" : $"{{\"ip\":\"{ip}\"}}")}}}],
            "conditions":[{"type":"Ready","status":"{{{ready}}}"}]}}
            """.ReplaceLineEndings(""));

    public void PutNamespace(string name, string mirror = "on") =>
        Put("namespaces", name, version => $$$$"""
            {"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadata","metadata":{"name":"{{{{name}}}}","uid":"{{{{name}}}}",
            "resourceVersion":"{{{{version}}}}","labels":{"mirror":"{{{{mirror}}}}"}}}
            """.ReplaceLineEndings(""));

    public void Delete(string resource, string uid)
    {
        lock (_gate)
        {
            if (!_objects[resource].Remove(uid, out string? text)) return;
            long before = long.Parse(text.Split("\"resourceVersion\":\"")[1].Split('"')[0], CultureInfo.InvariantCulture);
            Tell(resource, "DELETED",
                text.Replace($"\"resourceVersion\":\"{before}\"", $"\"resourceVersion\":\"{++_version}\"", StringComparison.Ordinal));
        }
    }

    /// <summary>As etcd's compaction: watches from before now are told that it is gone.</summary>
    public void Compact()
    {
        lock (_gate)
        {
            _compacted = _version;
            _history.Clear();
            _continuations.Clear();
        }
    }

    public string[] Uids(string resource)
    {
        lock (_gate) return [.. _objects[resource].Keys.Order(StringComparer.Ordinal)];
    }

    /// <summary>The value of an object's only label; null when there is no such object.</summary>
    public string? Label(string resource, string uid)
    {
        lock (_gate) return _objects[resource].TryGetValue(uid, out string? text) ? text.Split("\"labels\":{\"")[1].Split('"')[2] : null;
    }

    /// <returns>Null when the continuation is gone.</returns>
    public string? List(string resource, int limit, string? continuation)
    {
        lock (_gate)
        {
            (long version, string[] left) = (_version, [.. _objects[resource].Values]);
            if (continuation is not null)
            {
                if (!_continuations.Remove(continuation, out (long Version, string[] Left) found)) return null;
                (version, left) = found;
            }

            string next = "";
            if (left.Length > limit)
            {
                next = Guid.NewGuid().ToString("N");
                _continuations[next] = (version, left[limit..]);
            }

            var text = new StringBuilder("{\"kind\":\"List\",\"apiVersion\":\"v1\","
                + $"\"metadata\":{{\"resourceVersion\":\"{version}\",\"continue\":\"{next}\"}},\"items\":[");
            return text.AppendJoin(',', left.Take(limit)).Append("]}\n").ToString();
        }
    }

    /// <returns>The events after a version and a task that ends when there are more; null when the version is compacted.</returns>
    public ((long Version, string Json)[] Events, Task Changed)? After(string resource, long version)
    {
        lock (_gate)
        {
            if (version < _compacted) return null;
            int from = _history.Count;
            while (from > 0 && _history[from - 1].Version > version) from--;
            (long, string)[] events = [.. _history[from..].Where(e => e.Resource == resource)
                .Select(e => (e.Version, $"{{\"type\":\"{e.Type}\",\"object\":{e.Json}}}\n"))];
            return (events, _changed.Task);
        }
    }

    private void Tell(string resource, string type, string text)
    {
        _history.Add((_version, resource, type, text));
        // A watch cache remembers so much and no more.
        if (_history.Count > 4_000)
        {
            _compacted = _history[1_999].Version;
            _history.RemoveRange(0, 2_000);
        }

        _changed.SetResult();
        _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
