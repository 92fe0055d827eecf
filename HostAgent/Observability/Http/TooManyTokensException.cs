namespace HostAgent.Observability;

/// <summary>So many unknown tokens were shown that the API server is not asked about another one now.</summary>
internal sealed class TooManyTokensException() : Exception(
    "too many tokens that the API server does not know were shown lately: it is not asked about another one for some seconds");
