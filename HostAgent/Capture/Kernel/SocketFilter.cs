using HostAgent.Filters;
using HostAgent.Interop;
using static HostAgent.Interop.LinuxFilter;

namespace HostAgent.Capture;

/// <summary>
/// The filter of one packet socket: of the programs for its links the one that decides most, of those that the kernel has room for. What it
/// leaves undecided is decided in user space.
/// </summary>
/// <param name="socket">The socket.</param>
/// <param name="filter">Which frames of all links are wanted; null for all.</param>
internal sealed class SocketFilter(NativeSocket socket, FrameFilter? filter)
{
    /// <summary>
    /// Has the kernel choose by link, by filter and by what is needed whole; without the last where that does not fit; then without the
    /// filters; in the end not at all.
    /// </summary>
    /// <returns>False when frames that are not wanted come along.</returns>
    public bool Attach(CapturedLink[] links, LinkFlow[] endsOnly, LinkParts[] headsOnly)
    {
        Func<sock_filter[]?>[] rungs =
        [
            () => LinkFilter.For(links, filter, endsOnly, headsOnly),
            () => LinkFilter.For(links, filter),
            () => LinkFilter.For([.. links.Select(link => new CapturedLink(link.Index))]),
        ];
        int reached = Climb(rungs);
        if (reached == rungs.Length) socket.DetachFilter();
        // Until now the kernel had to hold the former program, too.
        if (reached > 0) reached = Climb(rungs.AsSpan(0, reached));
        return reached < rungs.Length - 1;
    }

    /// <summary>The first that fits is in force; their number when none does.</summary>
    private int Climb(ReadOnlySpan<Func<sock_filter[]?>> rungs)
    {
        for (int rung = 0; rung < rungs.Length; rung++) if (TryAttach(rungs[rung]())) return rung;
        return rungs.Length;
    }

    private bool TryAttach(sock_filter[]? program)
    {
        if (program is null) return false;
        try
        {
            socket.AttachFilter(program);
            return true;
        }
        catch (ErrnoException)
        {
            // The old one stays.
            return false;
        }
    }
}
