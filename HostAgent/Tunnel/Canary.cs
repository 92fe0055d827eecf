using System.Runtime.CompilerServices;
using System.Text;
using HostAgent.Frames;
using static HostAgent.Interop.LinuxIfEther;
using static HostAgent.Interop.NetinetIn;

namespace HostAgent.Tunnel;

/// <summary>
/// A marked frame through the tunnel to each sensor, now and then. A datagram has no answer, so a sensor that gets nothing, or does not
/// look into the tunnel, is noticed by who looks for something that has to be there. It is no pod's: no batch and no ledger has it, but a
/// count of its own. One thread sends, between two blocks; <see cref="Vni"/> and <see cref="Sent"/> are for any.
/// </summary>
/// <param name="node">Whose tunnel it is.</param>
/// <param name="interval">From one to the next, as far as <see cref="SendIfDue"/> is called often enough.</param>
internal sealed unsafe class Canary(string node, TimeSpan interval)
{
    /// <summary>Twice a minute.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    /// <summary>UDP's destination port in the frame: discard (RFC 863), since whoever got it should.</summary>
    public const ushort Port = 9;

    /// <summary>UDP's first source port. Each canary has another one: it is a flow of its own, which sensors list when it ends.</summary>
    public const int FirstSourcePort = 49152;

    private const int SourcePorts = 16384;
    private const byte TimeToLive = 1;

    // Room for all that a transport writes before a frame, and of a name for as much as a node's may have.
    private const int Headroom = 256, LongestName = 253;

    // Locally administered: the last bytes are "cana1" and "cana2" in ASCII.
    private static readonly byte[] Macs = [0x02, 0x63, 0x61, 0x6E, 0x61, 0x32, 0x02, 0x63, 0x61, 0x6E, 0x61, 0x31];

    // 192.0.2.1 to 198.51.100.1: both are for documentation (RFC 5737), so they are nobody's.
    private static readonly byte[] Addresses = [192, 0, 2, 1, 198, 51, 100, 1];

    private readonly string _text = $"host-agent canary {node[..Math.Min(node.Length, LongestName)]} ";
    private readonly byte[] _memory = new byte[1024];
    private long? _last;
    private long _number;
    private long _sent;
    private long _vni = -1;

    /// <summary>The VNI under which it goes; null for none at all.</summary>
    public uint? Vni
    {
        get => Volatile.Read(ref _vni) is >= 0 and var vni ? (uint)vni : null;
        set => Volatile.Write(ref _vni, value is { } vni ? vni : -1);
    }

    /// <summary>How many the kernel took, for all sensors together.</summary>
    public long Sent => Volatile.Read(ref _sent);

    /// <summary>Sends the next one to every sensor that takes frames, if there is one and it is time.</summary>
    public void SendIfDue(ReadOnlySpan<Transport> transports)
    {
        if (Vni is not { } vni) return;
        long now = Environment.TickCount64, every = (long)interval.TotalMilliseconds;
        if (now - _last < every) return;
        bool open = false;
        foreach (Transport transport in transports) open |= transport.IsOpen;
        if (!open) return;
        // Rounds come every few seconds: being late once is no reason to be late for ever.
        _last = now - _last < 2 * every ? _last + every : now;
        _number++;
        fixed (byte* memory = _memory)
        {
            foreach (Transport transport in transports)
            {
                // A transport may write before it.
                int length = Write(memory + Headroom);
                if (transport.SendBeside(vni, FrameParser.Parse(memory + Headroom, length).FlowHash, memory + Headroom, length))
                    Volatile.Write(ref _sent, _sent + 1);
            }
        }
    }

    /// <returns>Bytes of the frame: Ethernet, IPv4, UDP, and the text.</returns>
    private int Write(byte* frame)
    {
        byte* ip = frame + ETH_HLEN, udp = ip + IpHeader.IPv4Length, text = udp + UdpHeader.Length;
        Macs.CopyTo(new Span<byte>(frame, Macs.Length));
        BigEndian.Write16(frame + Macs.Length, ETH_P_IP);
        int textLength = Encoding.ASCII.GetBytes($"{_text}{_number}", new Span<byte>(text, 512));
        int udpLength = UdpHeader.Length + textLength;

        new Span<byte>(ip, IpHeader.IPv4Length).Clear();
        ip[0] = 0x45;
        BigEndian.Write16(ip + 2, IpHeader.IPv4Length + udpLength);
        BigEndian.Write16(ip + 4, (ushort)_number);
        BigEndian.Write16(ip + 6, IpHeader.DontFragment);
        ip[8] = TimeToLive;
        ip[9] = IPPROTO_UDP;
        Addresses.CopyTo(new Span<byte>(ip + IpHeader.Addresses(v6: false), Addresses.Length));
        Store(ip + 10, InternetChecksum.Fold(InternetChecksum.Add(0, ip, IpHeader.IPv4Length)));

        BigEndian.Write16(udp, FirstSourcePort + (int)(_number % SourcePorts));
        BigEndian.Write16(udp + 2, Port);
        BigEndian.Write16(udp + UdpHeader.DatagramLength, udpLength);
        Store(udp + UdpHeader.Checksum, 0);
        ulong sum = InternetChecksum.Word(IPPROTO_UDP) + InternetChecksum.Word(udpLength);
        sum = InternetChecksum.Add(sum, ip + IpHeader.Addresses(v6: false), Addresses.Length);
        ushort checksum = InternetChecksum.Fold(InternetChecksum.Add(sum, udp, udpLength));
        Store(udp + UdpHeader.Checksum, checksum == 0 ? (ushort)0xFFFF : checksum);
        return ETH_HLEN + IpHeader.IPv4Length + udpLength;
    }

    private static void Store(byte* at, ushort checksum) => Unsafe.WriteUnaligned(at, checksum);
}
