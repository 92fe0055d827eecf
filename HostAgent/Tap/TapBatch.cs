using HostAgent.Accounts;
using HostAgent.Selection;
using HostAgent.Tunnel;
using static HostAgent.Interop.SysSocket;

namespace HostAgent.Tap;

/// <summary>Gives frames, as the wire has them, to the sinks. Each is a message of one or two parts.</summary>
internal sealed unsafe class TapBatch(IReadOnlyList<ITapSink> sinks, long most) : SendBatch(new ShardLedger(), shard: 0, 512, 1)
{
    private readonly List<TapLink> _links = [];
    private long _left = most;

    /// <summary>Whether as many frames were taken as are wanted.</summary>
    public bool IsEnough => _left == 0;

    /// <summary>Every link that frames were taken of, in the order in which they were begun.</summary>
    public IReadOnlyCollection<TapLink> Links => _links;

    public void Begin(TapLink link)
    {
        link.Number = _links.Count;
        _links.Add(link);
        foreach (ITapSink sink in sinks) sink.Begin(link);
    }

    protected override void Send(mmsghdr* messages, int count)
    {
        for (int i = 0; i < count && _left > 0; i++)
        {
            ref SentFrame frame = ref FrameAt(Content(i).FirstFrame);
            TapLink link = Of(frame.Link);
            link.Taken++;
            _left--;
            iovec* parts = messages[i].msg_hdr.msg_iov;
            ReadOnlySpan<byte> rest = messages[i].msg_hdr.msg_iovlen > 1 ? Part(parts[1]) : default;
            foreach (ITapSink sink in sinks) sink.Take(link, frame.Timestamp, Part(parts[0]), rest);
        }

        Accepted(0, count);
    }

    private static ReadOnlySpan<byte> Part(iovec part) => new(part.iov_base, (int)part.iov_len);

    // The links of a pod are one or two, and the last one is the likeliest.
    private TapLink Of(MirroredLink captured) => _links.FindLast(link => ReferenceEquals(link.Captured, captured))!;
}
