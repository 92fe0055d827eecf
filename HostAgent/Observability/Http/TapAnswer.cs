using System.Buffers;
using System.Net;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using HostAgent.Deciding;
using Microsoft.AspNetCore.Http;

namespace HostAgent.Observability;

/// <summary>
/// Answers GET /tap?pod=NAMESPACE/NAME[&amp;limits=TEXT]: one JSON object a line, the first says whether the pod may be tapped, and each
/// further one what has changed since. The asker keeps the connection for as long as it taps; its end is that of the tap.
/// </summary>
internal static class TapAnswer
{
    private const string Usage =
        "/tap?pod=NAMESPACE/NAME is for programs of this host, over loopback: run host-agent tap NAMESPACE/NAME on the node\n";

    private const int LongestLimits = 64;

    /// <summary>
    /// A page of another site can make a browser ask here, by a port-forward say. It would learn nothing, but have one of the few taps.
    /// </summary>
    private static bool IsAsked(HttpRequest request) =>
        HttpMethods.IsGet(request.Method) && !request.Headers.ContainsKey("Sec-Fetch-Site") && !request.Headers.ContainsKey("Origin");

    /// <summary>To programs of this host; that the request comes from it has been seen to.</summary>
    public static async Task WriteAsync(HttpContext context, Taps taps)
    {
        HttpResponse response = context.Response;
        if (!IsAsked(context.Request))
        {
            response.WriteText(StatusCodes.Status403Forbidden, Usage);
            return;
        }

        if (Read(context) is not { } request)
        {
            response.WriteText(StatusCodes.Status400BadRequest, Usage);
            return;
        }

        response.ContentType = "application/x-ndjson";
        try
        {
            await foreach (TapDecision decision in taps.AskAsync(request, context.RequestAborted).ConfigureAwait(false))
            {
                if (!response.HasStarted && decision.Verdict != TapVerdict.Granted) response.StatusCode = StatusCodes.Status403Forbidden;
                Write(response, TapDocument.From(request, decision));
                await response.BodyWriter.FlushAsync(context.RequestAborted).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // Whoever tapped is gone.
        }
    }

    private static TapRequest? Read(HttpContext context)
    {
        string limits = context.Request.Query["limits"].ToString(), filter = context.Request.Headers[TapDocument.FilterHeader].ToString();
        if (context.Request.Query["pod"].ToString().Split('/') is not [{ Length: > 0 and <= 253 } home, { Length: > 0 and <= 253 } name]
            || !(home + name).All(IsOfName) || limits.Length > LongestLimits || filter.Length > TapDocument.LongestFilter
            || !(limits + filter).All(c => c is >= ' ' and <= '~')) return null;
        ConnectionInfo connection = context.Connection;
        var peer = new IPEndPoint(connection.RemoteIpAddress!, connection.RemotePort);
        var self = new IPEndPoint(connection.LocalIpAddress!, connection.LocalPort);
        return new TapRequest(home, name, LoopbackPeer.Of(peer, self))
        {
            Filter = filter.Length == 0 ? null : filter,
            Limits = limits.Length == 0 ? null : limits,
        };
    }

    /// <summary>RFC 1123, as Kubernetes names objects.</summary>
    private static bool IsOfName(char c) => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '.';

    private static void Write(HttpResponse response, TapDocument document)
    {
        using (var writer = new Utf8JsonWriter(
            response.BodyWriter, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            JsonSerializer.Serialize(writer, document, TapJsonContext.Default.TapDocument);
        }

        response.BodyWriter.Write("\n"u8);
    }
}

// Only writes, as StatusJsonContext.
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, GenerationMode = JsonSourceGenerationMode.Serialization)]
[JsonSerializable(typeof(TapDocument))]
internal sealed partial class TapJsonContext : JsonSerializerContext;
