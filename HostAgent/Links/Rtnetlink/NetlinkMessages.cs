using System.Runtime.InteropServices;
using HostAgent.Interop;

namespace HostAgent.Links;

/// <summary>
/// The messages in one received buffer. A length that leads outside of it ends the walk: nothing that arrives is trusted.
/// </summary>
internal ref struct NetlinkMessages(ReadOnlySpan<byte> bytes)
{
    private const int HeaderLength = 16;

    private ReadOnlySpan<byte> _rest = bytes;

    public LinuxNetlink.nlmsghdr Header { get; private set; }

    public ReadOnlySpan<byte> Payload { get; private set; }

    /// <summary>True when the walk ended before the buffer did: a message was cut off or its length is wrong.</summary>
    public bool Damaged { get; private set; }

    public bool MoveNext()
    {
        if (_rest.Length == 0) return false;
        if (_rest.Length < HeaderLength) return End();
        Header = MemoryMarshal.Read<LinuxNetlink.nlmsghdr>(_rest);
        if (Header.nlmsg_len < HeaderLength || Header.nlmsg_len > _rest.Length) return End();
        int length = (int)Header.nlmsg_len;
        Payload = _rest[HeaderLength..length];
        _rest = _rest[Math.Min((length + 3) & ~3, _rest.Length)..];
        return true;
    }

    private bool End()
    {
        Damaged = true;
        _rest = default;
        return false;
    }
}
