using System.Net;
using System.Text.Json;
using k8s.Models;

namespace HostAgent.Cluster;

/// <summary>
/// Writes events (events.k8s.io/v1), as components of a cluster do: a new one once, and what goes on as its series. Nothing is remembered
/// here, and nothing is tried twice.
/// </summary>
public sealed class ClusterEvents
{
    private const string Resource = "events";
    private const string Warning = "Warning";

    private readonly ApiClient _client;
    private readonly TimeSpan _limit;

    internal ClusterEvents(ApiClient client, TimeSpan limit) => (_client, _limit) = (client, limit);

    /// <summary>Who made a pod, a DaemonSet for instance; the pod itself when nobody did.</summary>
    /// <exception cref="ApiCallException">Nobody knows.</exception>
    public Task<EventSubject> OwnerAsync(PodName pod, CancellationToken cancellation) =>
        new ApiCall("list", "", "pods").AskAsync(limit => _client.PodAsync(pod, limit), list => Owner(list, pod), _limit, cancellation);

    /// <exception cref="ApiCallException">It was not written, or nobody knows.</exception>
    public Task CreateAsync(ClusterEvent made, CancellationToken cancellation) => new ApiCall("create", Eventsv1Event.KubeGroup, Resource)
        .AskAsync(limit => _client.CreateEventAsync(Of(made), limit), _ => true, _limit, cancellation);

    /// <summary>Says of an event that was created that it goes on.</summary>
    /// <param name="made">The event.</param>
    /// <param name="count">How often it has been said with this time, at least 2.</param>
    /// <param name="time">Now.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>False when the event is not there any more: the server keeps it for an hour or so.</returns>
    /// <exception cref="ApiCallException">It was not written, or nobody knows.</exception>
    public async Task<bool> RepeatAsync(ClusterEvent made, int count, DateTimeOffset time, CancellationToken cancellation)
    {
        var series = new Eventsv1EventSeries { Count = count, LastObservedTime = time.UtcDateTime };
        try
        {
            return await new ApiCall("patch", Eventsv1Event.KubeGroup, Resource).AskAsync(
                limit => _client.PatchEventAsync(made.About.Namespace, made.Name, series, limit), _ => true, _limit, cancellation);
        }
        catch (ApiCallException e) when (e.Code == HttpStatusCode.NotFound)
        {
            return false;
        }
    }

    private static Eventsv1Event Of(ClusterEvent made) => new()
    {
        ApiVersion = $"{Eventsv1Event.KubeGroup}/{Eventsv1Event.KubeApiVersion}",
        Kind = Eventsv1Event.KubeKind,
        Metadata = new V1ObjectMeta { Name = made.Name, NamespaceProperty = made.About.Namespace },
        EventTime = made.Time.UtcDateTime,
        Type = Warning,
        Reason = made.Reason,
        Action = ClusterEvent.Action,
        Note = made.Note,
        Regarding = new V1ObjectReference
        {
            ApiVersion = made.About.ApiVersion,
            Kind = made.About.Kind,
            NamespaceProperty = made.About.Namespace,
            Name = made.About.Name,
            Uid = made.About.Uid,
        },
        ReportingController = ClusterEvent.Controller,
        ReportingInstance = made.Instance,
    };

    private static EventSubject Owner(ReadOnlyMemory<byte> list, PodName pod)
    {
        using JsonDocument json = JsonDocument.Parse(list);
        JsonElement[] found = [.. json.RootElement.GetProperty("items").EnumerateArray()];
        if (found is not [JsonElement only]) throw new JsonException($"there is no pod {pod}, as whose the agent is to write events");
        V1ObjectMeta made = only.GetProperty("metadata").Deserialize(EventJson.Default.V1ObjectMeta)!;
        return made.OwnerReferences?.FirstOrDefault(owner => owner.Controller == true) is { } owner
            ? new EventSubject(owner.ApiVersion, owner.Kind, pod.Namespace, owner.Name, owner.Uid)
            : new EventSubject("v1", "Pod", pod.Namespace, pod.Name, made.Uid);
    }
}
