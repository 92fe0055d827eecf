using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;

namespace HostAgent.Interop;

/// <summary>proc_pid_net(5): counters of the calling thread's network namespace.</summary>
internal static class ProcNet
{
    private const string Folder = "/proc/thread-self/net/";

    /// <summary>
    /// A link's counters, in frames as the kernel handles them: a super-frame is one. All are 0 for a link that is not there.
    /// </summary>
    public static LinkTraffic Traffic(string link) => Links().FirstOrDefault(one => one.Name == link).Traffic;

    /// <summary>The counters of all links by name, as <see cref="Traffic(string)"/>.</summary>
    public static Dictionary<string, LinkTraffic> Traffic() => Links().ToDictionary(link => link.Name, link => link.Traffic);

    private static IEnumerable<(string Name, LinkTraffic Traffic)> Links()
    {
        // Two lines of heads come first.
        foreach (string line in File.ReadLines(Folder + "dev").Skip(2))
        {
            // name: (bytes packets errs drop fifo frame compressed multicast) received, (bytes packets errs drop fifo colls carrier
            // compressed) sent
            string[] words = line.Split([' ', ':'], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 17) continue;
            yield return (words[0], new LinkTraffic(Number(words[2]), Number(words[10]), Number(words[12]))
            {
                Bytes = Number(words[1]) + Number(words[9]),
            });
        }
    }

    /// <summary>The drop counter of every UDP socket that receives what is sent to this address and port.</summary>
    public static IReadOnlyList<(long Inode, long Drops)> UdpDrops(IPAddress address, ushort port) =>
        [
            .. Sockets(Folder + "udp").Concat(Sockets(Folder + "udp6"))
                .Where(at => at.Port == port && Receives(at.Address, address))
                .Select(at => (at.Inode, at.Drops)),
        ];

    /// <summary>The socket at one end of a TCP connection that begins and ends here; null when there is none.</summary>
    /// <param name="local">Its own address and port.</param>
    /// <param name="remote">Those of the other end.</param>
    public static (long Inode, int User)? TcpSocket(IPEndPoint local, IPEndPoint remote)
    {
        // IPv4 over a socket of both families is among those of IPv6.
        foreach (string line in ((string[])["tcp", "tcp6"]).Select(name => Folder + name).Where(File.Exists)
            .SelectMany(file => File.ReadLines(file).Skip(1)))
        {
            // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode ...
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length >= 10 && local.Equals(End(words[1])) && remote.Equals(End(words[2])))
                return (Number(words[9]), (int)Number(words[7]));
        }

        return null;
    }

    private static IPEndPoint? End(string text)
    {
        if (text.Split(':') is not [string hex, string port]) return null;
        IPAddress address = Address(hex);
        return new IPEndPoint(
            address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address,
            ushort.Parse(port, NumberStyles.HexNumber, CultureInfo.InvariantCulture));
    }

    private static IEnumerable<(IPAddress Address, ushort Port, long Inode, long Drops)> Sockets(string file)
    {
        if (!File.Exists(file)) yield break;
        foreach (string line in File.ReadLines(file).Skip(1))
        {
            // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode ref pointer drops
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 13 || words[1].Split(':') is not [string address, string port]) continue;
            yield return (Address(address), ushort.Parse(port, NumberStyles.HexNumber, CultureInfo.InvariantCulture),
                Number(words[9]), Number(words[12]));
        }
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    /// <summary>Words of 32 bits, each printed as the machine reads it from memory in network byte order.</summary>
    private static IPAddress Address(string text)
    {
        uint[] words = [.. text.Chunk(8).Select(word => uint.Parse(word, NumberStyles.HexNumber, CultureInfo.InvariantCulture))];
        return new IPAddress(MemoryMarshal.AsBytes(words.AsSpan()));
    }

    private static bool Receives(IPAddress bound, IPAddress sentTo) => bound.Equals(sentTo) || bound.Equals(IPAddress.IPv6Any)
        || (bound.Equals(IPAddress.Any) && sentTo.AddressFamily == bound.AddressFamily)
        || (bound.IsIPv4MappedToIPv6 && bound.MapToIPv4().Equals(sentTo));
}
