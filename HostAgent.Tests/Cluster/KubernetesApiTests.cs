using System.Net;
using HostAgent.Cluster;
using k8s;
using k8s.Models;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Tests.Cluster;

/// <summary>List and watch over HTTPS: what is asked for, and what is made of the answers.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
[Parallelizable]
internal sealed class KubernetesApiTests : ApiServerFixture
{
    [Test]
    public async Task Only_what_is_used_is_asked_for()
    {
        await using RunningWatches watches = await SyncedAsync(Long);
        Eventually.That(() => Server.Requests.Count(r => r.Watch) == 2, "both watches");
        ApiRequest list = Server.Requests.First(r => r is { Resource: "pods", Watch: false });
        ApiRequest watch = Server.Requests.First(r => r is { Resource: "pods", Watch: true });
        ApiRequest namespaces = Server.Requests.First(r => r is { Resource: "namespaces", Watch: false });
        ApiRequest namespaceWatch = Server.Requests.First(r => r is { Resource: "namespaces", Watch: true });
        using (Assert.EnterMultipleScope())
        {
            Assert.That((list.FieldSelector, list.ResourceVersion, list.Limit), Is.EqualTo(("spec.nodeName=node-1", "0", 500)));
            Assert.That((watch.FieldSelector, watch.ResourceVersion, watch.Bookmarks),
                Is.EqualTo(("spec.nodeName=node-1", Server.Objects.Version.ToString(null, null), true)));
            Assert.That(watch.TimeoutSeconds, Is.InRange(150, 188));
            Assert.That(list.Accept, Is.EqualTo("application/json"));
            Assert.That(namespaces.Accept, Does.StartWith("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"));
            Assert.That(namespaceWatch.Accept, Does.StartWith("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"));
            Assert.That(list.Protocol, Is.EqualTo("HTTP/2"));
            Assert.That(watches.Pods.Current["p2"].Ips, Is.EqualTo(new[] { IPAddress.Parse("fd00::2") }));
        }
    }

    [Test]
    public async Task Events_arrive_on_the_watch()
    {
        await using RunningWatches watches = await SyncedAsync(Long);
        Server.Objects.PutPod("p3");
        Eventually.That(() => watches.Pods.Current.ContainsKey("p3"), "an added pod");
        Assert.That(watches.Pods.Current["p3"].Ips, Is.Empty, "its address comes later");
        Server.Objects.PutPod("p3", ip: "10.0.0.3");
        Eventually.That(() => watches.Pods.Current["p3"].Ips.Length == 1, "its address");
        Server.Objects.PutPod("p1", ip: "10.0.0.1", phase: "Succeeded", ready: false);
        Eventually.That(() => watches.Pods.Current["p1"] is { Finished: true, Ready: false }, "a finished pod");
        Server.Objects.Delete("pods", "p2");
        Eventually.That(() => !watches.Pods.Current.ContainsKey("p2"), "a deleted pod");
        Server.Objects.PutNamespace("a", mirror: "off");
        Eventually.That(() => watches.Namespaces.Current["a"].Labels["mirror"] == "off", "a relabelled namespace");
        Assert.That(Server.Requests, Has.Count.EqualTo(4), "two lists and two watches did all of it");
    }

    [Test]
    public void Nothing_is_ever_changed()
    {
        using var connection = new ApiConnection(Server.Credentials, Long, NullLogger.Instance);
        var client = new ApiClient(connection);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(async () => await client.CoreV1.DeleteNamespaceAsync("a"), Throws.TypeOf<NotSupportedException>());
            Assert.That(async () => await client.CoreV1.CreateNamespaceAsync(new V1Namespace()), Throws.TypeOf<NotSupportedException>());
            Assert.That(Server.Requests, Is.Empty);
        }
    }

    [TestCase(HttpProtocols.Http1)]
    [TestCase(HttpProtocols.Http2)]
    public async Task Both_versions_of_HTTP_do(HttpProtocols protocols)
    {
        await using ApiServer server = await ApiServer.StartAsync(protocols: protocols);
        server.Objects.PutPod("p1");
        await using var watches = new RunningWatches(server.Credentials);
        Eventually.That(() => watches.Equal(server.Objects), "the list");
        server.Objects.PutPod("p2");
        Eventually.That(() => watches.Equal(server.Objects), "the watch");
    }

    [Test]
    public async Task A_list_in_pages_is_compared_as_a_whole()
    {
        await using RunningWatches watches = await SyncedAsync(Short);
        var counts = new List<int>();
        watches.Pods.Changed += () => counts.Add(watches.Pods.Current.Count);
        bool gone = false;
        Server.OnRequest = async (request, context) =>
        {
            if (!gone || request is not { Resource: "pods", Watch: true }) return false;
            gone = false;
            for (int i = 0; i < 1_200; i++) Server.Objects.PutPod($"n{i}");
            await ApiServer.StatusAsync(context, 410, "too old resource version");
            return true;
        };
        gone = true;
        Eventually.That(() => watches.Pods.Current.Count == 1_202 && counts.Count > 0, "all pages, and word of them");
        ApiRequest[] lists = [.. Server.Requests.Where(r => r is { Resource: "pods", Watch: false }).Skip(1)];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(counts, Is.EqualTo(new[] { 1_202 }), "one change, after the last page");
            Assert.That(lists.Select(r => r.Continue is null), Is.EqualTo(new[] { true, false, false }));
            Assert.That(lists.Select(r => r.ResourceVersion), Is.All.Null, "after 410 the list is read from etcd");
        }
    }

    [Test]
    public async Task Bookmarks_move_the_version_without_an_event()
    {
        await using RunningWatches watches = await SyncedAsync(Short);
        for (int i = 0; i < 10; i++) Server.Objects.PutPod($"n{i}");
        string version = Server.Objects.Version.ToString(null, null);
        Eventually.That(() => Server.Requests.Any(r => r is { Resource: "pods", Watch: true } && r.ResourceVersion == version),
            "a watch from the bookmark");
        Assert.That(Server.Requests.Count(r => !r.Watch), Is.EqualTo(2), "no list was needed");
    }

    [Test]
    public async Task An_object_that_cannot_be_used_keeps_none_from_the_others()
    {
        Server.Objects.Put("pods", "bad", version => $"{{\"metadata\":{{\"name\":\"bad\",\"resourceVersion\":\"{version}\"}}}}");
        await using RunningWatches watches = await SyncedAsync(Long);
        Server.Objects.Put(
            "pods", "bad", version => $"{{\"metadata\":{{\"name\":\"bad\",\"uid\":7,\"labels\":[],\"resourceVersion\":\"{version}\"}}}}");
        Server.Objects.PutPod("p3");
        Eventually.That(() => watches.Pods.Current.ContainsKey("p3"), "the event after the bad one");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(watches.Pods.Current, Has.Count.EqualTo(3));
            Assert.That(watches.Log.All.Count(l => l.Level == LogLevel.Warning && l.Text.Contains("pod bad", StringComparison.Ordinal)),
                Is.EqualTo(2));
        }
    }
}
