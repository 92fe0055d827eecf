using System.Buffers;
using System.Collections.Frozen;
using System.Net;
using System.Text.RegularExpressions;

namespace HostAgent.Filters;

/// <summary>
/// Finds names in a pcap-filter(7) expression whose addresses libpcap would ask DNS for while it compiles: an expression means what it
/// says, at once and without the network. A word that libpcap's scanner takes for a name is one where an address is expected, which is
/// everywhere but behind <c>port</c>, <c>portrange</c>, <c>proto</c> and <c>protochain</c>: services and protocols are looked up in files.
/// </summary>
internal static partial class FilterWords
{
    private static readonly SearchValues<char> OfWords =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

    private static readonly SearchValues<char> EndOfEscape = SearchValues.Create(" !()\n\t");

    // All that libpcap 1.10 and 1.11 know. A later one's would be taken for a name, and refused: the safe side.
    private static readonly FrozenSet<string> Keywords = """
        dst src link ether ppp slip fddi tr wlan arp rarp ip sctp tcp udp icmp igmp igrp pim vrrp carp radio ip6 icmp6 ah esp atalk aarp
        decnet lat sca moprc mopdl iso esis es-is isis is-is l1 l2 iih lsp snp csnp psnp clnp stp ipx netbeui host net mask port portrange
        proto protochain gateway type subtype direction dir address1 addr1 address2 addr2 address3 addr3 address4 addr4 ra ta less greater
        byte broadcast multicast and or not len length inbound outbound ifindex vlan mpls pppoed pppoes geneve vxlan lane llc metac bcc oam
        oamf4 oamf4ec oamf4sc sc ilmic vpi vci connectmsg metaconnect on ifname rset ruleset rnr rulenum srnr subrulenum reason action fisu
        lssu lsu msu hfisu hlssu hmsu sio opc dpc sls hsio hopc hdpc hsls icmptype icmpcode icmp-echoreply icmp-unreach icmp-sourcequench
        icmp-redirect icmp-echo icmp-routeradvert icmp-routersolicit icmp-timxceed icmp-paramprob icmp-tstamp icmp-tstampreply icmp-ireq
        icmp-ireqreply icmp-maskreq icmp-maskreply icmp6type icmp6code icmp6-destinationunreach icmp6-packettoobig icmp6-timeexceeded
        icmp6-parameterproblem icmp6-echo icmp6-echoreply icmp6-multicastlistenerquery icmp6-multicastlistenerreportv1
        icmp6-multicastlistenerdone icmp6-routersolicit icmp6-routeradvert icmp6-neighborsolicit icmp6-neighboradvert icmp6-redirect
        icmp6-routerrenum icmp6-nodeinformationquery icmp6-nodeinformationresponse icmp6-ineighbordiscoverysolicit
        icmp6-ineighbordiscoveryadvert icmp6-multicastlistenerreportv2 icmp6-homeagentdiscoveryrequest icmp6-homeagentdiscoveryreply
        icmp6-mobileprefixsolicit icmp6-mobileprefixadvert icmp6-certpathsolicit icmp6-certpathadvert icmp6-multicastrouteradvert
        icmp6-multicastroutersolicit icmp6-multicastrouterterm tcpflags tcp-fin tcp-syn tcp-rst tcp-push tcp-ack tcp-urg tcp-ece tcp-cwr
        """.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries).ToFrozenSet(StringComparer.Ordinal);

    /// <summary>The first name that stands where an address is expected; null when there is none.</summary>
    public static string? FirstName(string expression)
    {
        bool names = false;
        int brackets = 0;
        for (int at = 0; at < expression.Length;)
        {
            char c = expression[at];
            brackets += c switch { '[' => 1, ']' => -1, _ => 0 };
            int length = Length(expression.AsSpan(at), colons: brackets == 0);
            if (length == 0)
            {
                at++;
                continue;
            }

            string word = expression.Substring(at, length);
            at += length;
            if (word is "port" or "portrange" or "proto" or "protochain") names = true;
            else if (word is "and" or "or" or "not" || IsNumber().IsMatch(word)) continue;
            // Any other keyword begins another primitive, and without a type it is an address's.
            else if (Keywords.Contains(word)) names = false;
            else if (!names && !IsAddress(word)) return word;
        }

        return null;
    }

    /// <summary>How long the word is that begins here; 0 for none. In brackets a colon parts an offset from a size.</summary>
    private static int Length(ReadOnlySpan<char> text, bool colons)
    {
        // An escaped keyword, which is a name to the scanner.
        if (text[0] == '\\') return text.IndexOfAny(EndOfEscape) is var end and >= 0 ? end : text.Length;
        int length = 0;
        while (length < text.Length && (OfWords.Contains(text[length]) || (colons && text[length] == ':'))) length++;
        return length;
    }

    /// <summary>What the scanner takes for one, right or wrong; it judges that itself.</summary>
    private static bool IsAddress(string word) => word.Contains(':', StringComparison.Ordinal)
        ? IsMac().IsMatch(word) || IPAddress.TryParse(word, out _)
        : IsDotted().IsMatch(word) || IsMac().IsMatch(word);

    [GeneratedRegex(@"^(\d+|0[xX][0-9A-Fa-f]+)\z")]
    private static partial Regex IsNumber();

    [GeneratedRegex(@"^(\d+|0[xX][0-9A-Fa-f]+)(\.(\d+|0[xX][0-9A-Fa-f]+)){1,3}\z")]
    private static partial Regex IsDotted();

    [GeneratedRegex(
        @"^([0-9A-Fa-f]{1,2}([:.-])[0-9A-Fa-f]{1,2}(\2[0-9A-Fa-f]{1,2}){4}|"
        + @"[0-9A-Fa-f]{4}(\.[0-9A-Fa-f]{4}){2}|[0-9A-Fa-f]{12})\z")]
    private static partial Regex IsMac();
}
