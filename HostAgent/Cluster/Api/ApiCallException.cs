using System.Net;

namespace HostAgent.Cluster;

/// <summary>The API server did not do what it was asked; the message says why and how to mend it.</summary>
/// <param name="message">For an operator.</param>
/// <param name="cause">What was thrown below.</param>
/// <param name="code">The HTTP status code; null when there was no answer.</param>
public sealed class ApiCallException(string message, Exception? cause = null, HttpStatusCode? code = null) : Exception(message, cause)
{
    public HttpStatusCode? Code => code;
}
