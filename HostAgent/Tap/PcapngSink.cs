using System.Buffers;
using HostAgent.Frames;
using HostAgent.Tunnel;

namespace HostAgent.Tap;

/// <summary>Writes pcapng: an interface for each link, a record for each frame, and at the end what was lost.</summary>
internal sealed unsafe class PcapngSink : ITapSink
{
    private readonly TapOutput _output;
    private readonly PcapngFormat _format = new();
    private readonly ArrayBufferWriter<byte> _waiting = new(1 << 20);

    public PcapngSink(TapOutput output)
    {
        _output = output;
        _waiting.Write(_format.FileHeader());
    }

    public void Begin(TapLink link) => _waiting.Write(PcapngFormat.Interface(link.Name, link.Description));

    public void Take(TapLink link, long timestamp, ReadOnlySpan<byte> head, ReadOnlySpan<byte> rest)
    {
        int length = head.Length + rest.Length;
        fixed (byte* at = _waiting.GetSpan(_format.HeaderLength)) _format.WriteHeader(at, link.Number, timestamp, length);
        _waiting.Advance(_format.HeaderLength);
        _waiting.Write(head);
        _waiting.Write(rest);
        int trailer;
        fixed (byte* at = _waiting.GetSpan(RecordFormat.MaxTrailer)) trailer = _format.WriteTrailer(at, length);
        _waiting.Advance(trailer);
    }

    public bool Flush()
    {
        if (_waiting.WrittenCount == 0) return true;
        bool read = _output.Write(_waiting.WrittenSpan);
        _waiting.ResetWrittenCount();
        return read;
    }

    public bool End(IReadOnlyCollection<TapLink> links)
    {
        foreach (TapLink link in links)
        {
            long lost = link.Dropped + link.Uncut;
            _waiting.Write(_format.Statistics(link.Number, Frame.Now, link.Taken + lost, lost));
        }

        return Flush();
    }
}
