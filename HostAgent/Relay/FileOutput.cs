using System.Runtime.CompilerServices;

namespace HostAgent.Relay;

/// <summary>Frames of one agent into the capture file of all: records as they came, with that file's numbers for their links.</summary>
/// <param name="file">The file.</param>
/// <param name="node">The agent's node, which each link's name begins with there.</param>
internal sealed unsafe class FileOutput(CaptureWriter file, string node) : IFrameOutput
{
    // As much as an agent's reader holds.
    private readonly byte[] _records = new byte[256 << 10];
    private int _length;

    public int Introduce(string name, string description) => file.Introduce($"{node} {name}", description);

    public void Write(int link, in ReceivedRecord record)
    {
        Unsafe.WriteUnaligned(record.Block + 8, link);
        new ReadOnlySpan<byte>(record.Block, record.Length).CopyTo(_records.AsSpan(_length));
        _length += record.Length;
    }

    public void Flush()
    {
        if (_length == 0) return;
        file.Write(_records.AsSpan(0, _length));
        _length = 0;
    }

    public void Dispose()
    {
    }
}
