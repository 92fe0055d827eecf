using System.Buffers.Binary;
using System.Globalization;
using HostAgent.Lab;

namespace HostAgent.Tests.Network;

/// <summary>Decodes a pcap file with tshark, every checksum verified: a judge that shares no code with the agent.</summary>
internal static class Tshark
{
    /// <summary>
    /// The fields that are asked for, by tshark's names. Of a field that occurs several times (outer and inner), the outermost comes first.
    /// </summary>
    private static readonly string[] Fields =
    [
        "frame.number", "frame.protocols", "eth.src", "eth.dst", "eth.type", "vlan.id", "arp.opcode",
        "ip.src", "ip.dst", "ip.id", "ip.len", "ip.ttl", "ip.proto", "ip.dsfield",
        "ip.flags.df", "ip.flags.mf", "ip.frag_offset", "ip.checksum.status",
        "ipv6.src", "ipv6.dst", "ipv6.plen", "ipv6.hlim", "ipv6.nxt",
        "udp.srcport", "udp.dstport", "udp.length", "udp.checksum", "udp.checksum.status", "udp.payload",
        "tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.ack_raw", "tcp.flags", "tcp.len", "tcp.payload",
        "tcp.checksum", "tcp.checksum_calculated", "tcp.checksum.status",
        "sctp.checksum.status", "icmp.type", "icmp.checksum.status", "icmpv6.type", "icmpv6.checksum.status", "dns.id",
        "vxlan.flags", "vxlan.vni", "_ws.malformed", "_ws.expert.message",
    ];

    /// <summary>
    /// What tshark would take test payload for, and then call malformed: when the kernel happens to choose a port that is registered
    /// for it, or when a counter in the payload comes to look like its header.
    /// </summary>
    private static readonly Lazy<string[]> Guesses = new(() => [.. Report("decodes")
        .Where(words => words is ["udp.port" or "tcp.port", _, _] && int.Parse(words[1], CultureInfo.InvariantCulture) >= 32_768)
        .Select(words => words[2])
        .Concat(Report("heuristic-decodes")
            .Where(words => words is ["udp" or "tcp", _, "T"] && words[1] is not "dns").Select(words => words[1]))
        .Distinct().SelectMany(protocol => new[] { "--disable-protocol", protocol })]);

    private static IEnumerable<string[]> Report(string name) =>
        HostTool.Run("tshark", ["-G", name]).Split('\n').Select(line => line.Split('\t'));

    /// <param name="file">A pcap file as tcpdump writes it.</param>
    /// <param name="port">The UDP port that carries VXLAN.</param>
    public static async Task<IReadOnlyList<DecodedFrame>> DecodeAsync(string file, ushort port = 4789)
    {
        List<byte[]> raw = ReadPcap(await File.ReadAllBytesAsync(file));
        string[] fields = [.. Fields.SelectMany(field => new[] { "-e", field })];
        string[] arguments =
        [
            "-r", file, "-n", "-d", $"udp.port=={port},vxlan",
            "-o", "udp.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE",
            // A segment's payload is its own, not that of the message it completes.
            "-o", "tcp.desegment_tcp_streams:FALSE",
            .. Guesses.Value,
            "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=|", .. fields,
        ];
        string output = await Task.Run(() => HostTool.Run("tshark", arguments));
        var frames = new List<DecodedFrame>();
        foreach (string line in output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] values = line.Split('\t');
            int number = int.Parse(values[0], CultureInfo.InvariantCulture);
            var byName = new Dictionary<string, string[]>();
            for (int i = 0; i < Fields.Length; i++)
            {
                if (values[i].Length > 0) byName[Fields[i]] = values[i].Split('|');
            }

            frames.Add(new DecodedFrame(number, raw[number - 1], byName));
        }

        Assert.That(frames, Has.Count.EqualTo(raw.Count), "tshark decoded as many frames as the file holds");
        return frames;
    }

    /// <summary>The frames of a pcap file in this machine's byte order (pcap-savefile(5)).</summary>
    private static List<byte[]> ReadPcap(ReadOnlySpan<byte> file)
    {
        var frames = new List<byte[]>();
        for (int at = 24; at + 16 <= file.Length;)
        {
            int captured = BinaryPrimitives.ReadInt32LittleEndian(file[(at + 8)..]);
            int length = BinaryPrimitives.ReadInt32LittleEndian(file[(at + 12)..]);
            Assert.That(captured, Is.EqualTo(length), "the witness has every frame whole");
            frames.Add(file.Slice(at + 16, captured).ToArray());
            at += 16 + captured;
        }

        return frames;
    }
}
