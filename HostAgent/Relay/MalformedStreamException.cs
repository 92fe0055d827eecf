namespace HostAgent.Relay;

/// <summary>What an agent sends is no stream of an agent; the message says what is wrong with it.</summary>
internal sealed class MalformedStreamException(string message) : Exception(message);
