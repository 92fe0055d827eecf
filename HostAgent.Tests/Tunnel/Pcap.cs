using System.Buffers.Binary;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>Capture files of frames that never were on a wire (pcap-savefile(5)).</summary>
internal static class Pcap
{
    /// <summary>LINKTYPE_ETHERNET.</summary>
    private const int Ethernet = 1;

    /// <summary>Has tshark decode frames.</summary>
    /// <param name="frames">From the Ethernet header on.</param>
    /// <param name="port">The UDP port that carries VXLAN in them.</param>
    public static async Task<IReadOnlyList<DecodedFrame>> DecodeAsync(IEnumerable<byte[]> frames, ushort port = 4789)
    {
        using var folder = new TemporaryDirectory();
        return await Tshark.DecodeAsync(Write(folder.File("frames.pcap"), frames), port);
    }

    /// <summary>Writes a capture file.</summary>
    /// <param name="path">Is returned.</param>
    /// <param name="frames">In their order.</param>
    /// <param name="milliseconds">From each frame to the next.</param>
    /// <param name="snapLength">Of longer frames only so many bytes are written.</param>
    /// <param name="linkType">LINKTYPE_...</param>
    public static string Write(
        string path, IEnumerable<byte[]> frames, int milliseconds = 0, int snapLength = 262_144, int linkType = Ethernet)
    {
        using FileStream file = File.Create(path);
        byte[] header = new byte[24];
        BinaryPrimitives.WriteUInt32LittleEndian(header, 0xA1B2C3D4);
        header[4] = 2;
        header[6] = 4;
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(16), snapLength);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(20), linkType);
        file.Write(header);
        byte[] record = new byte[16];
        long now = 1_700_000_000_000;
        foreach (byte[] frame in frames)
        {
            int captured = Math.Min(frame.Length, snapLength);
            BinaryPrimitives.WriteInt32LittleEndian(record, (int)(now / 1000));
            BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(4), (int)(now % 1000 * 1000));
            BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(8), captured);
            BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(12), frame.Length);
            file.Write(record);
            file.Write(frame.AsSpan(0, captured));
            now += milliseconds;
        }

        return path;
    }
}
