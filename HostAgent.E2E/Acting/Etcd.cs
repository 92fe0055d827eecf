using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace HostAgent.E2E.Acting;

/// <summary>An etcd, through its own gateway to JSON.</summary>
internal static class Etcd
{
    /// <summary>Drops the history up to now.</summary>
    /// <param name="url">Its client URL.</param>
    public static void Compact(string url)
    {
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        string revision = (string)Post(client, $"{url}/v3/kv/range", new { key = Convert.ToBase64String("x"u8) })["header"]!["revision"]!;
        Post(client, $"{url}/v3/kv/compaction", new { revision, physical = true });
    }

    private static JsonNode Post<T>(HttpClient client, string url, T body)
    {
        using HttpResponseMessage answer = client.PostAsJsonAsync(url, body).GetAwaiter().GetResult();
        return JsonNode.Parse(answer.EnsureSuccessStatusCode().Content.ReadAsStringAsync().GetAwaiter().GetResult())!;
    }
}
