namespace HostAgent.Cluster;

/// <summary>What an event is about, as far as <c>kubectl describe</c> needs it to find the event (core/v1 ObjectReference).</summary>
/// <param name="ApiVersion">Such as apps/v1.</param>
/// <param name="Kind">Such as DaemonSet.</param>
/// <param name="Namespace">Its own; the event's, too.</param>
/// <param name="Name">metadata.name.</param>
/// <param name="Uid">metadata.uid: of an object without it kubectl shows no events.</param>
public sealed record EventSubject(string ApiVersion, string Kind, string Namespace, string Name, string Uid)
{
    public static EventSubject Of(Pod pod) => new("v1", "Pod", pod.Namespace, pod.Name, pod.Uid);
}
