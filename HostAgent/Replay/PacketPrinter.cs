using System.Globalization;
using HostAgent.Capture;
using HostAgent.Filters;

namespace HostAgent.Replay;

/// <summary>
/// Prints a line for each frame that the filter wants: its number, the seconds since the first, what <see cref="PacketSummary"/> makes of
/// it.
/// </summary>
/// <param name="output">Where to.</param>
/// <param name="filter">Null for all frames.</param>
internal sealed unsafe class PacketPrinter(TextWriter output, FrameFilter? filter)
{
    private long _number;
    private long _first;

    /// <summary>How many frames could not be decoded.</summary>
    public long Undecoded { get; private set; }

    public void Print(in RecordedFrame frame)
    {
        if (_number++ == 0) _first = frame.Timestamp;
        if (filter is not null && frame.Missing == 0 && !filter.Matches(frame.Start, frame.Length)) return;
        if (!PacketSummary.TryOf(new ReadOnlySpan<byte>(frame.Start, frame.Length).ToArray(), out string summary)) Undecoded++;
        string cut = frame.Missing > 0 ? $" ({frame.Missing} bytes are missing)" : "";
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{_number,6} {(frame.Timestamp - _first) / 1e9,12:F6} {summary}{cut}"));
    }

    public void Flush() => output.Flush();
}
