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
    private readonly ApiClient _client;
    private readonly TimeSpan _limit;

    internal AccessReviews(ApiClient client, TimeSpan limit) => (_client, _limit) = (client, limit);

    /// <returns>Null for a token that the server does not accept.</returns>
    /// <exception cref="ApiCallException">There is no verdict.</exception>
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
    /// <exception cref="ApiCallException">There is no verdict.</exception>
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

    private Task<T> AskAsync<T>(
        string group, string resource, JsonTypeInfo<T> type, Func<CancellationToken, Task<HttpResponseMessage>> ask,
        CancellationToken cancellation) =>
        new ApiCall("create", group, resource).AskAsync(
            ask, text => JsonSerializer.Deserialize(text.Span, type) ?? throw new JsonException("it is null"), _limit, cancellation);
}
