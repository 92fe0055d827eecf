using System.Net;
using HostAgent.Deciding;
using HostAgent.Interop;

namespace HostAgent.Observability;

/// <summary>Who is at the other end of a connection over loopback, as far as the kernel tells.</summary>
internal static class LoopbackPeer
{
    private const int LongestCommand = 300;

    public static TapAsker Of(IPEndPoint peer, IPEndPoint self)
    {
        if (ProcNet.TcpSocket(peer, self) is not var (inode, user)) return new TapAsker(peer);
        if (ProcPid.OwnerOf(inode) is not { } process) return new TapAsker(peer) { User = user };
        string[] words = ProcPid.CommandLine(process);
        return new TapAsker(peer)
        {
            User = user,
            Process = process,
            Login = ProcPid.Login(process),
            Command = words.Length == 0 ? null : Printable(string.Join(' ', words)),
        };
    }

    /// <summary>Whoever starts a program chooses its words: they do not get to write lines of the log.</summary>
    private static string Printable(string text)
    {
        string cut = text.Length > LongestCommand ? $"{text[..LongestCommand]}..." : text;
        return string.Concat(cut.Select(c => c is < ' ' or > '~' ? '?' : c));
    }
}
