using System.Text;
using Microsoft.AspNetCore.Http;

namespace HostAgent.Observability;

/// <summary>An answer in words.</summary>
internal static class TextAnswer
{
    public static void WriteText(this HttpResponse response, int status, string text)
    {
        response.StatusCode = status;
        response.ContentType = "text/plain; charset=utf-8";
        Encoding.UTF8.GetBytes(text, response.BodyWriter);
    }
}
