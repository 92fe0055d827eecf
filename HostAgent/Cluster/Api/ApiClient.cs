using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using k8s;
using k8s.Autorest;
using k8s.Models;

namespace HostAgent.Cluster;

/// <summary>
/// KubernetesClient's calls over the agent's own connection, with answers that are left unread: whatever status they have, and as a stream.
/// Its lists of typed objects fail as a whole on one odd object and take ten times the memory; its watches return with the first event.
/// </summary>
internal sealed class ApiClient(ApiConnection connection) : AbstractKubernetes
{
    private static readonly Dictionary<string, IReadOnlyList<string>> Whole = Accept("application/json");

    // Without spec and status. A server that cannot do so (before Kubernetes 1.15) gives them whole; each refuses to give a single object
    // in the form of a list.
    private static readonly Dictionary<string, IReadOnlyList<string>> MetadataOfList = Accept(Partial("PartialObjectMetadataList"));
    private static readonly Dictionary<string, IReadOnlyList<string>> MetadataOfWatch = Accept(Partial("PartialObjectMetadata"));

    /// <summary>None: whoever calls knows how long to wait, and for what.</summary>
    public override TimeSpan HttpClientTimeout => Timeout.InfiniteTimeSpan;

    /// <summary>The pods of one node, or of all when none is named, whole.</summary>
    /// <exception cref="HttpRequestException">No answer.</exception>
    /// <exception cref="ApiCredentialsException">There is nothing to show to the server.</exception>
    public async Task<HttpResponseMessage> PodsAsync(string? nodeName, ListOptions options, CancellationToken cancellation) =>
        (await CoreV1.ListPodForAllNamespacesWithHttpMessagesAsync(
            fieldSelector: nodeName is null ? null : $"spec.nodeName={nodeName}",
            limit: options.Limit, continueParameter: options.Continue, resourceVersion: options.ResourceVersion,
            watch: options.Watch, allowWatchBookmarks: options.AllowWatchBookmarks, timeoutSeconds: options.TimeoutSeconds,
            customHeaders: Whole, cancellationToken: cancellation)).Response;

    /// <summary>All services, whole.</summary>
    /// <exception cref="HttpRequestException">No answer.</exception>
    /// <exception cref="ApiCredentialsException">There is nothing to show to the server.</exception>
    public async Task<HttpResponseMessage> ServicesAsync(ListOptions options, CancellationToken cancellation) =>
        (await CoreV1.ListServiceForAllNamespacesWithHttpMessagesAsync(
            limit: options.Limit, continueParameter: options.Continue, resourceVersion: options.ResourceVersion,
            watch: options.Watch, allowWatchBookmarks: options.AllowWatchBookmarks, timeoutSeconds: options.TimeoutSeconds,
            customHeaders: Whole, cancellationToken: cancellation)).Response;

    /// <summary>All namespaces, of which only the metadata.</summary>
    /// <exception cref="HttpRequestException">No answer.</exception>
    /// <exception cref="ApiCredentialsException">There is nothing to show to the server.</exception>
    public async Task<HttpResponseMessage> NamespacesAsync(ListOptions options, CancellationToken cancellation) =>
        (await CoreV1.ListNamespaceWithHttpMessagesAsync(
            limit: options.Limit, continueParameter: options.Continue, resourceVersion: options.ResourceVersion,
            watch: options.Watch, allowWatchBookmarks: options.AllowWatchBookmarks, timeoutSeconds: options.TimeoutSeconds,
            customHeaders: options.Watch == true ? MetadataOfWatch : MetadataOfList, cancellationToken: cancellation)).Response;

    /// <summary>Whose a token is. The server stores no such object.</summary>
    /// <exception cref="HttpRequestException">No answer.</exception>
    /// <exception cref="ApiCredentialsException">There is nothing to show to the server.</exception>
    public async Task<HttpResponseMessage> ReviewAsync(V1TokenReview review, CancellationToken cancellation) =>
        (await AuthenticationV1.CreateTokenReviewWithHttpMessagesAsync(
            review, customHeaders: Whole, cancellationToken: cancellation)).Response;

    /// <summary>Whether somebody may do something. The server stores no such object.</summary>
    /// <exception cref="HttpRequestException">No answer.</exception>
    /// <exception cref="ApiCredentialsException">There is nothing to show to the server.</exception>
    public async Task<HttpResponseMessage> ReviewAsync(V1SubjectAccessReview review, CancellationToken cancellation) =>
        (await AuthorizationV1.CreateSubjectAccessReviewWithHttpMessagesAsync(
            review, customHeaders: Whole, cancellationToken: cancellation)).Response;

    /// <summary>The metadata of one pod, as a list of one: the right to list pods is enough for that.</summary>
    /// <exception cref="HttpRequestException">No answer.</exception>
    /// <exception cref="ApiCredentialsException">There is nothing to show to the server.</exception>
    public async Task<HttpResponseMessage> PodAsync(PodName pod, CancellationToken cancellation) =>
        (await CoreV1.ListNamespacedPodWithHttpMessagesAsync(
            pod.Namespace, fieldSelector: $"metadata.name={pod.Name}", customHeaders: MetadataOfList,
            cancellationToken: cancellation)).Response;

    /// <summary>Stores an event.</summary>
    /// <exception cref="HttpRequestException">No answer.</exception>
    /// <exception cref="ApiCredentialsException">There is nothing to show to the server.</exception>
    public async Task<HttpResponseMessage> CreateEventAsync(Eventsv1Event made, CancellationToken cancellation) =>
        (await EventsV1.CreateNamespacedEventWithHttpMessagesAsync(
            made, made.Metadata.NamespaceProperty, customHeaders: Whole, cancellationToken: cancellation)).Response;

    /// <summary>Changes what of an event may change: its series.</summary>
    /// <exception cref="HttpRequestException">No answer.</exception>
    /// <exception cref="ApiCredentialsException">There is nothing to show to the server.</exception>
    public async Task<HttpResponseMessage> PatchEventAsync(
        string @namespace, string name, Eventsv1EventSeries series, CancellationToken cancellation) =>
        (await EventsV1.PatchNamespacedEventWithHttpMessagesAsync(
            new V1Patch(
                JsonSerializer.Serialize(new Eventsv1Event { Series = series }, EventJson.Default.Eventsv1Event),
                V1Patch.PatchType.MergePatch),
            name, @namespace, customHeaders: Whole, cancellationToken: cancellation)).Response;

    protected override Task<HttpResponseMessage> SendRequest<T>(
        string relativeUri, HttpMethod method, IReadOnlyDictionary<string, IReadOnlyList<string>> customHeaders, T body,
        CancellationToken cancellationToken)
    {
        HttpContent? content = body switch
        {
            _ when method == HttpMethod.Get => null,
            V1TokenReview review when method == HttpMethod.Post =>
                Json(JsonSerializer.SerializeToUtf8Bytes(review, ReviewJson.Default.V1TokenReview)),
            V1SubjectAccessReview review when method == HttpMethod.Post =>
                Json(JsonSerializer.SerializeToUtf8Bytes(review, ReviewJson.Default.V1SubjectAccessReview)),
            Eventsv1Event made when method == HttpMethod.Post =>
                Json(JsonSerializer.SerializeToUtf8Bytes(made, EventJson.Default.Eventsv1Event)),
            V1Patch { Content: string patch, Type: V1Patch.PatchType.MergePatch } when method == HttpMethod.Patch =>
                Json(Encoding.UTF8.GetBytes(patch), "application/merge-patch+json"),
            _ => throw new NotSupportedException("the agent changes nothing in the cluster but its own events"),
        };
        return connection.SendAsync(method, relativeUri, customHeaders, content, cancellationToken);
    }

    protected override Task<HttpOperationResponse<T>> CreateResultAsync<T>(
        HttpRequestMessage httpRequest, HttpResponseMessage httpResponse, bool? watch, CancellationToken cancellationToken) =>
        Task.FromResult(new HttpOperationResponse<T> { Request = httpRequest, Response = httpResponse });

    private static ByteArrayContent Json(byte[] text, string type = "application/json") =>
        new(text) { Headers = { ContentType = new MediaTypeHeaderValue(type) } };

    private static Dictionary<string, IReadOnlyList<string>> Accept(string types) => new() { ["Accept"] = [types] };

    private static string Partial(string kind) => $"application/json;as={kind};g=meta.k8s.io;v=v1,application/json";
}
