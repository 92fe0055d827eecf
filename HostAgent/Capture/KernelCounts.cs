using System.Runtime.InteropServices;
using HostAgent.Interop;
using static HostAgent.Interop.LinuxIfPacket;
using static HostAgent.Interop.SysSocket;

namespace HostAgent.Capture;

/// <summary>
/// What the kernel counts of a packet socket with a ring (packet(7), PACKET_STATISTICS). Reading resets the kernel's counters, so they are
/// accumulated here; being 32 bits wide they have to be read every few minutes at least. One thread at a time.
/// </summary>
internal sealed unsafe class KernelCounts
{
    /// <summary>Frames that passed the filter, <see cref="Dropped"/> included.</summary>
    public long Seen { get; private set; }

    /// <summary>Frames of which the kernel kept nothing.</summary>
    public long Dropped { get; private set; }

    /// <summary>How often the ring became full.</summary>
    public long Overflows { get; private set; }

    /// <summary>Adds what was counted since the last reading; nothing where the kernel does not tell.</summary>
    public void Read(SafeHandle socket)
    {
        tpacket_stats_v3 recent;
        uint length = (uint)sizeof(tpacket_stats_v3);
        if (getsockopt(socket, SOL_PACKET, PACKET_STATISTICS, &recent, &length) != 0) return;
        Seen += recent.tp_packets;
        Dropped += recent.tp_drops;
        Overflows += recent.tp_freeze_q_cnt;
    }

    /// <summary>Begins anew: what was counted until now is forgotten.</summary>
    public void Reset(SafeHandle socket)
    {
        Read(socket);
        (Seen, Dropped, Overflows) = (0, 0, 0);
    }
}
