using HostAgent.Policy;
using HostAgent.Selection;

namespace HostAgent.Tunnel;

/// <summary>
/// How frames stand in a capture file. All numbers are in this machine's byte order, which each file states in its first bytes.
/// </summary>
internal abstract unsafe class RecordFormat
{
    /// <summary>LINKTYPE_ETHERNET.</summary>
    protected const ushort Ethernet = 1;

    /// <summary>The most that <see cref="WriteTrailer"/> writes, in bytes.</summary>
    public const int MaxTrailer = 8;

    /// <summary>Bytes before each frame.</summary>
    public abstract int HeaderLength { get; }

    /// <summary>Whether each link that frames are from has to be introduced, by <see cref="Interface"/>.</summary>
    public abstract bool HasInterfaces { get; }

    public static RecordFormat Of(StreamFormat format) => format == StreamFormat.Pcapng ? new PcapngFormat() : new PcapFormat();

    /// <summary>What a file starts with.</summary>
    /// <param name="origin">Where it is from; null where that need not be said. Not every format can say it.</param>
    public abstract byte[] FileHeader(SectionOrigin? origin = null);

    /// <summary>What introduces a link, or nothing.</summary>
    public virtual byte[] Interface(MirroredLink link) => [];

    /// <summary>What introduces the agent itself as the origin of frames, or nothing.</summary>
    public virtual byte[] Canaries(uint vni) => [];

    /// <summary>What tells of a link's losses, or nothing.</summary>
    /// <param name="number">The link's, in the order of introduction from 0 on.</param>
    /// <param name="timestamp">Nanoseconds of Unix time.</param>
    /// <param name="seen">Frames of its pod since the link was introduced.</param>
    /// <param name="lost">Those of them that are not in the file, for whatever reason.</param>
    public virtual byte[] Statistics(int number, long timestamp, long seen, long lost) => [];

    /// <summary>Writes what is before a frame.</summary>
    /// <param name="at">Room for <see cref="HeaderLength"/> bytes.</param>
    /// <param name="number">The link's.</param>
    /// <param name="timestamp">Nanoseconds of Unix time.</param>
    /// <param name="length">Of the frame.</param>
    public abstract void WriteHeader(byte* at, int number, long timestamp, int length);

    /// <summary>Writes what is behind a frame.</summary>
    /// <param name="at">Room for <see cref="MaxTrailer"/> bytes.</param>
    /// <param name="length">Of the frame.</param>
    /// <returns>How many bytes that is.</returns>
    public virtual int WriteTrailer(byte* at, int length) => 0;
}
