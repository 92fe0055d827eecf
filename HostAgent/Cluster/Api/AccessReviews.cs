using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using k8s.Models;

namespace HostAgent.Cluster;

/// <summary>
/// Asks the API server whose a token is (TokenReview of authentication.k8s.io/v1) and what its owner may read (SubjectAccessReview of
/// authorization.k8s.io/v1, on non-resource URLs), as the metrics servers of controllers do. Nothing is remembered here.
/// </summary>
public sealed class AccessReviews
{
    private const int LargestAnswer = 64 << 10;

    private readonly ApiClient _client;
    private readonly TimeSpan _limit;

    internal AccessReviews(ApiClient client, TimeSpan limit) => (_client, _limit) = (client, limit);

    /// <returns>Null for a token that the server does not accept.</returns>
    /// <exception cref="AccessReviewException">There is no verdict.</exception>
    public async Task<TokenOwner?> OwnerAsync(string token, CancellationToken cancellation)
    {
        V1TokenReview review = await AskAsync(
            V1TokenReview.KubeGroup, "tokenreviews", ReviewJson.Default.V1TokenReview,
            limit => _client.ReviewAsync(
                new V1TokenReview
                {
                    ApiVersion = $"{V1TokenReview.KubeGroup}/{V1TokenReview.KubeApiVersion}",
                    Kind = V1TokenReview.KubeKind,
                    Spec = new V1TokenReviewSpec { Token = token },
                },
                limit),
            cancellation);
        return review.Status is { Authenticated: true, User: { Username.Length: > 0 } user }
            ? new TokenOwner(user.Username, user.Uid, user.Groups, user.Extra)
            : null;
    }

    /// <param name="owner">From <see cref="OwnerAsync"/>.</param>
    /// <param name="path">Such as /metrics.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="AccessReviewException">There is no verdict.</exception>
    public async Task<bool> MayGetAsync(TokenOwner owner, string path, CancellationToken cancellation)
    {
        V1SubjectAccessReview review = await AskAsync(
            V1SubjectAccessReview.KubeGroup, "subjectaccessreviews", ReviewJson.Default.V1SubjectAccessReview,
            limit => _client.ReviewAsync(
                new V1SubjectAccessReview
                {
                    ApiVersion = $"{V1SubjectAccessReview.KubeGroup}/{V1SubjectAccessReview.KubeApiVersion}",
                    Kind = V1SubjectAccessReview.KubeKind,
                    Spec = new V1SubjectAccessReviewSpec
                    {
                        User = owner.Name,
                        Uid = owner.Uid,
                        Groups = owner.Groups,
                        Extra = owner.Extra,
                        NonResourceAttributes = new V1NonResourceAttributes { Path = path, Verb = "get" },
                    },
                },
                limit),
            cancellation);
        return review.Status is { Allowed: true, Denied: not true };
    }

    private async Task<T> AskAsync<T>(
        string group, string resource, JsonTypeInfo<T> type, Func<CancellationToken, Task<HttpResponseMessage>> ask,
        CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(_limit);
        try
        {
            using HttpResponseMessage response = await ask(limit.Token);
            await using Stream body = await response.Content.ReadAsStreamAsync(limit.Token);
            var text = new byte[LargestAnswer];
            int length = await body.ReadAtLeastAsync(text, text.Length, throwOnEndOfStream: false, limit.Token);
            if (response.IsSuccessStatusCode)
                return JsonSerializer.Deserialize(text.AsSpan(0, length), type) ?? throw new JsonException("it is null");
            throw new AccessReviewException(Refusal(ApiStatus.Read(text.AsSpan(0, length), 0), response.StatusCode, group, resource));
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new AccessReviewException($"create {resource}: nothing was heard from the API server in time", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            string why = e is ApiCredentialsException ? e.Message : $"no connection to the API server: {e.GetBaseException().Message}";
            throw new AccessReviewException($"create {resource}: {why}", e);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new AccessReviewException($"create {resource}: the answer is no such object: {e.Message}", e);
        }
    }

    private static string Refusal(ApiStatus status, HttpStatusCode code, string group, string resource)
    {
        string said = status.Message.Length == 0 ? "" : $": {status.Message}";
        return code switch
        {
            HttpStatusCode.Unauthorized => $"create {resource}: the API server does not accept the agent's credentials (401){said}",
            HttpStatusCode.Forbidden =>
                $"create {resource}: forbidden (403); the agent needs a ClusterRole with verb create on resource {resource} of API group "
                + $"{group}{said}",
            _ => $"create {resource}: the API server answers {(int)code}{said}",
        };
    }
}
