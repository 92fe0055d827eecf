using System.Buffers.Binary;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Tunnel;

/// <summary>Has tshark decode frames that never were on a wire, through a file (pcap-savefile(5), LINKTYPE_ETHERNET).</summary>
internal static class Pcap
{
    /// <param name="frames">From the Ethernet header on.</param>
    /// <param name="port">The UDP port that carries VXLAN in them.</param>
    public static async Task<IReadOnlyList<DecodedFrame>> DecodeAsync(IEnumerable<byte[]> frames, ushort port = 4789)
    {
        using var folder = new TemporaryDirectory();
        string path = folder.File("frames.pcap");
        await using (FileStream file = File.Create(path))
        {
            byte[] header = new byte[24];
            BinaryPrimitives.WriteUInt32LittleEndian(header, 0xA1B2C3D4);
            header[4] = 2;
            header[6] = 4;
            BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(16), 262_144);
            header[20] = 1;
            file.Write(header);
            byte[] record = new byte[16];
            foreach (byte[] frame in frames)
            {
                BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(8), frame.Length);
                BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(12), frame.Length);
                file.Write(record);
                file.Write(frame);
            }
        }

        return await Tshark.DecodeAsync(path, port);
    }
}
