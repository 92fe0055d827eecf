using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace HostAgent.Demo;

/// <summary>
/// Conversations as lines of JSON with the field names of Zeek's conn.log, and on both sides the pod: what the Zeek package of
/// <c>sensors/zeek</c> writes, from the same pods.tsv.
/// </summary>
/// <param name="Lines">One for each conversation; null when there was no tshark.</param>
internal sealed record ConnLog(IReadOnlyList<string>? Lines)
{
    /// <summary>What must hold of it.</summary>
    public IEnumerable<(bool Good, string Words)> Findings()
    {
        if (Lines is null)
        {
            yield return (true, "tshark is not installed, so nobody read the tunnel and no conn.log is shown.");
            yield break;
        }

        int named = Lines.Count(line => line.Contains("\"orig_pod.name\"") && line.Contains("\"resp_pod.name\""));
        yield return (named == Lines.Count && named > 0,
            $"tshark at the sensor saw {Lines.Count:N0} connections, and pods.tsv names both pods of {named:N0}.");
        string? lookup = Lines.FirstOrDefault(line => line.Contains($"\"id.resp_p\":{LdapLookup.Port},"));
        yield return (lookup is not null && lookup.Contains("\"service\":\"ldap\"") && lookup.Contains("\"resp_pod.name\":\"db\""),
            "Among them is the LDAP lookup on port 1389 between two pods, as a program with the Log4j flaw makes it.");
    }

    public static ConnLog Of(IEnumerable<Conversation> conversations, PodNames pods) =>
        new([.. conversations.Select(conversation => Line(conversation, pods))]);

    private static string Line(Conversation conversation, PodNames pods)
    {
        var text = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(text, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WritePropertyName("ts");
            json.WriteRawValue(conversation.Begin.ToString("F6", CultureInfo.InvariantCulture));
            json.WriteString("id.orig_h", conversation.Origin.Address.ToString());
            json.WriteNumber("id.orig_p", conversation.Origin.Port);
            json.WriteString("id.resp_h", conversation.Responder.Address.ToString());
            json.WriteNumber("id.resp_p", conversation.Responder.Port);
            json.WriteString("proto", conversation.Protocol);
            if (conversation.Service is { } service) json.WriteString("service", service);
            json.WritePropertyName("duration");
            json.WriteRawValue((conversation.End - conversation.Begin).ToString("F6", CultureInfo.InvariantCulture));
            json.WriteNumber("orig_bytes", conversation.OriginBytes);
            json.WriteNumber("resp_bytes", conversation.ResponderBytes);
            foreach ((string field, string value) in pods.Of(conversation.Origin.Address, "orig_pod")) json.WriteString(field, value);
            foreach ((string field, string value) in pods.Of(conversation.Responder.Address, "resp_pod")) json.WriteString(field, value);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(text.WrittenSpan);
    }
}
