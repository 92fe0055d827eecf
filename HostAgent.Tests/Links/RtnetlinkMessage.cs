using System.Runtime.InteropServices;

namespace HostAgent.Tests.Links;

/// <summary>Writes the payload of an rtnetlink message, for what the kernel at hand has no device for.</summary>
internal sealed class RtnetlinkMessage
{
    private readonly List<byte> _bytes = [];

    public static RtnetlinkMessage Of<T>(T header)
        where T : unmanaged => new RtnetlinkMessage().Raw(MemoryMarshal.AsBytes([header]));

    public RtnetlinkMessage With(ushort type, ReadOnlySpan<byte> value)
    {
        Raw(BitConverter.GetBytes((ushort)(4 + value.Length))).Raw(BitConverter.GetBytes(type)).Raw(value);
        while (_bytes.Count % 4 != 0) _bytes.Add(0);
        return this;
    }

    public RtnetlinkMessage With(ushort type, int value) => With(type, BitConverter.GetBytes(value));

    public RtnetlinkMessage With(ushort type, string value) => With(type, [.. System.Text.Encoding.UTF8.GetBytes(value), 0]);

    public byte[] ToArray() => [.. _bytes];

    private RtnetlinkMessage Raw(ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }
}
