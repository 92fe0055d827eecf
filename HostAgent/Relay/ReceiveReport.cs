using System.Text;
using System.Text.Json;

namespace HostAgent.Relay;

/// <summary>What became of all agents' records, at the end.</summary>
internal static class ReceiveReport
{
    /// <summary>A line for each agent and one for all; or one JSON object.</summary>
    public static string Of(IReadOnlyList<AgentSum> agents, bool toLink, bool json)
    {
        AgentSum all = agents.Aggregate(new AgentSum("all agents", "", 0, 0) { IsWhole = true }, (sum, agent) => sum.Plus(agent));
        if (json) return Json(agents, all, toLink);
        return string.Join('\n', agents.Append(all).Select(sum => $"{sum.Name}: {sum.InWords(toLink)}"));
    }

    private static string Json(IReadOnlyList<AgentSum> agents, AgentSum all, bool toLink)
    {
        using var text = new MemoryStream();
        using (var json = new Utf8JsonWriter(text))
        {
            json.WriteStartObject();
            json.WritePropertyName("all");
            Write(json, all, toLink);
            json.WriteStartArray("agents");
            foreach (AgentSum agent in agents) Write(json, agent, toLink);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(text.ToArray());
    }

    private static void Write(Utf8JsonWriter json, AgentSum sum, bool toLink)
    {
        json.WriteStartObject();
        json.WriteString("agent", sum.Agent);
        json.WriteString("node", sum.Node);
        json.WriteNumber("written", sum.Received + sum.Missing);
        json.WriteNumber("received", sum.Received);
        json.WriteNumber("missing", sum.Missing);
        json.WriteNumber("before", sum.Before);
        json.WriteNumber("malformed", sum.Malformed);
        json.WriteNumber("connections", sum.Connections);
        json.WriteBoolean("whole", sum.IsWhole);
        if (toLink)
        {
            json.WriteNumber("delivered", sum.Delivered);
            json.WriteNumber("lost", sum.Lost);
        }

        json.WriteEndObject();
    }
}
