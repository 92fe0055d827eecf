using System.Net;
using System.Text.Json;
using HostAgent.Policy;

namespace HostAgent.Cluster;

/// <summary>meta/v1 Status: what the API server says when it does not do what it was asked.</summary>
/// <param name="Code">The HTTP status code.</param>
/// <param name="Message">In the server's words, shortened and escaped; may be empty.</param>
/// <param name="RetryAfter">details.retryAfterSeconds.</param>
internal sealed record ApiStatus(int Code, string Message, TimeSpan? RetryAfter)
{
    public bool Gone => Code == (int)HttpStatusCode.Gone;

    /// <summary>Reads what may or may not be a Status; whatever is not there stays as <paramref name="code"/> says.</summary>
    public static ApiStatus Read(ReadOnlySpan<byte> text, int code)
    {
        string message = "";
        TimeSpan? retryAfter = null;
        try
        {
            var json = new Utf8JsonReader(text);
            var ignored = new ObjectFault();
            json.Read();
            if (!JsonFields.Enter(ref json, ref ignored, "")) return new ApiStatus(code, message, null);
            while (JsonFields.NextProperty(ref json))
            {
                bool isMessage = json.ValueTextEquals("message"u8);
                bool isCode = json.ValueTextEquals("code"u8);
                bool isDetails = json.ValueTextEquals("details"u8);
                json.Read();
                if (isMessage) message = JsonFields.Text(ref json, ref ignored, "") ?? "";
                else if (isCode && json.TokenType == JsonTokenType.Number && json.TryGetInt32(out int given)) code = given;
                else if (isDetails && JsonFields.Enter(ref json, ref ignored, "")) retryAfter = RetrySeconds(ref json);
                else json.Skip();
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // A proxy's page, for instance: the code says enough.
        }

        return new ApiStatus(code, message.Length == 0 ? "" : YamlPath.Quote(message, 300), retryAfter);
    }

    /// <param name="verb">list or watch.</param>
    /// <param name="resource">The plural resource name.</param>
    /// <param name="asked">A Retry-After of the answer's headers.</param>
    public ResourceApiException ToException(string verb, string resource, TimeSpan? asked)
    {
        string said = Message.Length == 0 ? "" : $": {Message}";
        (RestartReason reason, string what) = Code switch
        {
            401 => (RestartReason.Unauthorized, $"{verb} {resource}: the API server does not accept the agent's credentials (401){said}"),
            403 => (RestartReason.Forbidden,
                $"{verb} {resource}: forbidden (403); "
                + $"the agent needs a ClusterRole with verb {verb} on resource {resource} of API group \"\"{said}"),
            410 => (RestartReason.Expired, $"{verb} {resource}: the version asked for is gone (410){said}"),
            429 => (RestartReason.Throttled, $"{verb} {resource}: the API server is busy (429){said}"),
            _ => (RestartReason.Status, $"{verb} {resource}: the API server answers {Code}{said}"),
        };
        return new ResourceApiException(reason, what, asked ?? RetryAfter);
    }

    private static TimeSpan? RetrySeconds(ref Utf8JsonReader json)
    {
        TimeSpan? found = null;
        while (JsonFields.NextProperty(ref json))
        {
            bool isRetry = json.ValueTextEquals("retryAfterSeconds"u8);
            json.Read();
            if (isRetry && json.TokenType == JsonTokenType.Number && json.TryGetInt32(out int seconds) && seconds > 0)
                found = TimeSpan.FromSeconds(seconds);
            else
                json.Skip();
        }

        return found;
    }
}
