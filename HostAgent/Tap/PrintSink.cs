using System.Text;
using HostAgent.Replay;

namespace HostAgent.Tap;

/// <summary>Prints a line for each frame: for people, and far slower than the capture.</summary>
internal sealed unsafe class PrintSink : ITapSink, IDisposable
{
    private readonly TapOutput _output;
    private readonly StringWriter _lines = new();
    private readonly PacketPrinter _printer;
    private byte[] _frame = new byte[1 << 16];

    public PrintSink(TapOutput output)
    {
        _output = output;
        _printer = new PacketPrinter(_lines, filter: null);
    }

    public void Begin(TapLink link)
    {
        // A line has no room for it.
    }

    public void Take(TapLink link, long timestamp, ReadOnlySpan<byte> head, ReadOnlySpan<byte> rest)
    {
        int length = head.Length + rest.Length;
        if (_frame.Length < length) _frame = new byte[length];
        head.CopyTo(_frame);
        rest.CopyTo(_frame.AsSpan(head.Length));
        fixed (byte* at = _frame) _printer.Print(new RecordedFrame { Start = at, Length = length, Timestamp = timestamp });
    }

    public bool Flush()
    {
        StringBuilder lines = _lines.GetStringBuilder();
        if (lines.Length == 0) return true;
        bool read = _output.Write(Encoding.UTF8.GetBytes(lines.ToString()));
        lines.Clear();
        return read;
    }

    public bool End(IReadOnlyCollection<TapLink> links) => Flush();

    public void Dispose() => _lines.Dispose();
}
