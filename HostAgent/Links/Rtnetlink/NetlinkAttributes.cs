using System.Net;
using System.Net.NetworkInformation;
using System.Runtime.InteropServices;
using HostAgent.Interop;

namespace HostAgent.Links;

/// <summary>The attributes (struct nlattr) in a message or in a nested attribute; a length that leads outside ends the walk.</summary>
internal ref struct NetlinkAttributes(ReadOnlySpan<byte> bytes)
{
    private const int HeaderLength = 4;

    private ReadOnlySpan<byte> _rest = bytes;

    public ushort Type { get; private set; }

    public ReadOnlySpan<byte> Value { get; private set; }

    /// <summary>0 when the value is too short to be a number; an index or id of 0 names nothing.</summary>
    public readonly int Int32 => Value.Length >= 4 ? MemoryMarshal.Read<int>(Value) : 0;

    public readonly int UInt16 => Value.Length >= 2 ? MemoryMarshal.Read<ushort>(Value) : 0;

    /// <summary>Null when the value has not the length of an IP address.</summary>
    public readonly IPAddress? Address => Value.Length is 4 or 16 ? new IPAddress(Value) : null;

    /// <summary>None when the value is not a MAC-48 address.</summary>
    public readonly PhysicalAddress Mac => Value.Length == 6 ? new PhysicalAddress(Value.ToArray()) : PhysicalAddress.None;

    /// <summary>Without its terminating zero byte.</summary>
    public readonly string Text
    {
        get
        {
            int end = Value.IndexOf((byte)0);
            return System.Text.Encoding.UTF8.GetString(end < 0 ? Value : Value[..end]);
        }
    }

    public bool MoveNext()
    {
        if (_rest.Length < HeaderLength) return false;
        LinuxNetlink.nlattr header = MemoryMarshal.Read<LinuxNetlink.nlattr>(_rest);
        if (header.nla_len < HeaderLength || header.nla_len > _rest.Length)
        {
            _rest = default;
            return false;
        }

        Type = (ushort)(header.nla_type & LinuxNetlink.NLA_TYPE_MASK);
        Value = _rest[HeaderLength..header.nla_len];
        _rest = _rest[Math.Min((header.nla_len + 3) & ~3, _rest.Length)..];
        return true;
    }
}
