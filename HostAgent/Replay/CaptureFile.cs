using HostAgent.Capture;
using HostAgent.Filters;
using HostAgent.Policy;
using PacketDotNet;
using SharpPcap;
using SharpPcap.LibPcap;
using static HostAgent.Interop.PcapPcap;

namespace HostAgent.Replay;

/// <summary>A capture file of Ethernet frames, pcap or pcapng, read with libpcap from its first frame to its last.</summary>
internal sealed unsafe class CaptureFile : IDisposable
{
    private readonly CaptureFileReaderDevice _device;

    /// <exception cref="IOException">libpcap is missing, or the file cannot be read, or holds no Ethernet frames; the message says
    /// which.</exception>
    public CaptureFile(string path)
    {
        if (Libpcap.Missing("replay") is { } missing) throw new IOException(missing);
        if (!File.Exists(path) && !Directory.Exists(path)) throw new IOException($"{path}: there is no such file");
        try
        {
            BoundedFile.RefuseOthers(path);
        }
        catch (IOException e)
        {
            throw new IOException($"{path}: {e.Message}", e);
        }

        _device = new CaptureFileReaderDevice(path);
        try
        {
            _device.Open(new DeviceConfiguration { TimestampResolution = TimestampResolution.Nanosecond });
        }
        catch (PcapException e)
        {
            _device.Dispose();
            throw new IOException($"{path}: is no capture file that libpcap reads: {e.Message}", e);
        }

        if (_device.LinkType == LinkLayers.Ethernet) return;
        string type = $"{_device.LinkType} ({(int)_device.LinkType})";
        _device.Dispose();
        throw new IOException(
            $"{path}: holds frames of link type {type}; only Ethernet can be replayed: capture on one interface, not on 'any'");
    }

    /// <summary>How many frames have been read.</summary>
    public long Count { get; private set; }

    /// <summary>Why the frame behind these cannot be read; null while all can.</summary>
    public string? Damage { get; private set; }

    /// <summary>Reads the next frame; false at the end, and where the file is damaged.</summary>
    public bool TryRead(out RecordedFrame frame)
    {
        nint header = 0, data = 0;
        int result = Damage is null ? _device.GetNextPacketPointers(ref header, ref data) : PCAP_ERROR_BREAK;
        if (result != PacketRead)
        {
            if (result != PCAP_ERROR_BREAK) Damage = _device.LastError.TrimEnd();
            frame = default;
            return false;
        }

        Count++;
        var about = (pcap_pkthdr*)header;
        frame = new RecordedFrame
        {
            Start = (byte*)data,
            Length = (int)about->caplen,
            Missing = (int)Math.Max(0L, (long)about->len - about->caplen),
            Timestamp = unchecked((about->tv_sec * 1_000_000_000) + about->tv_usec),
        };
        return true;
    }

    public void Dispose() => _device.Dispose();
}
