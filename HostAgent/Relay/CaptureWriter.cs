using HostAgent.Tunnel;

namespace HostAgent.Relay;

/// <summary>One capture file (pcapng) that the frames of all agents go to. Any thread.</summary>
internal sealed class CaptureWriter : IDisposable
{
    private const int MostLinks = 1 << 16;

    private readonly Lock _gate = new();
    private readonly Dictionary<(string Name, string Description), int> _links = [];
    private readonly Stream _file;
    private readonly string _name;
    private readonly Action _failed;

    /// <param name="file">Where to; a reader that is slow holds up the agents, which count what they give up for it.</param>
    /// <param name="name">Its name, for messages.</param>
    /// <param name="failed">Called when it takes no more; <see cref="Failure"/> says why.</param>
    public CaptureWriter(Stream file, string name, Action failed)
    {
        (_file, _name, _failed) = (file, name, failed);
        Write(RecordFormat.Of(Policy.StreamFormat.Pcapng).FileHeader());
    }

    /// <summary>Why it takes no more; null while it does.</summary>
    public IOException? Failure { get; private set; }

    /// <summary>The number of an interface with this name and description, which is introduced once.</summary>
    /// <exception cref="MalformedStreamException">There are too many.</exception>
    public int Introduce(string name, string description)
    {
        lock (_gate)
        {
            if (_links.TryGetValue((name, description), out int number)) return number;
            if (_links.Count == MostLinks) throw new MalformedStreamException($"the file has {MostLinks} links already; begin another");
            Write(PcapngFormat.Interface(name, description));
            _links.Add((name, description), _links.Count);
            return _links.Count - 1;
        }
    }

    /// <summary>Writes whole blocks.</summary>
    /// <exception cref="IOException">It takes no more.</exception>
    public void Write(ReadOnlySpan<byte> blocks)
    {
        lock (_gate)
        {
            if (Failure is { } before) throw before;
            try
            {
                _file.Write(blocks);
                _file.Flush();
            }
            catch (IOException e)
            {
                Failure = new IOException($"{_name} cannot be written to any more: {e.Message}", e);
                _failed();
                throw Failure;
            }
        }
    }

    public void Dispose() => _file.Dispose();
}
