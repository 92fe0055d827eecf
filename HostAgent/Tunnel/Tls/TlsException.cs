namespace HostAgent.Tunnel;

/// <summary>
/// An end of a stream between hosts has no usable files, or one end refuses the other. The message names who, and the mend.
/// </summary>
public sealed class TlsException : IOException
{
    public TlsException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }

    public TlsException()
    {
    }

    public TlsException(string message)
        : base(message)
    {
    }
}
