using System.Net;
using System.Net.Sockets;
using HostAgent.Accounts;
using HostAgent.Commands;
using HostAgent.Frames;
using HostAgent.Interop;
using HostAgent.Links;
using HostAgent.Policy;
using HostAgent.Selection;
using HostAgent.Sensors;
using HostAgent.Tunnel;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Relay;

/// <summary>Frames of one agent onto a link, in VXLAN, as the agent itself writes them for a sensor that sniffs.</summary>
internal sealed unsafe class LinkOutput : IFrameOutput
{
    private readonly LinkTransport _transport;
    private readonly List<MirroredLink> _links = [];

    /// <param name="sensor">From <see cref="Find"/>.</param>
    /// <param name="ledger">The agent's.</param>
    /// <exception cref="ErrnoException">The link is gone (ENODEV), or CAP_NET_RAW is missing (EPERM).</exception>
    public LinkOutput(SensorEndpoint sensor, ShardLedger ledger) =>
        _transport = new LinkTransport(sensor, new SensorPolicy { Port = sensor.Port }, ledger, shard: 0);

    /// <summary>What the options say of the link, and the address that the host would send from.</summary>
    /// <exception cref="IOException">There is no such link.</exception>
    public static SensorEndpoint Find(ReceiveOptions options)
    {
        using var monitor = new LinkMonitor(NullLogger<LinkMonitor>.Instance);
        Link link = monitor.Current.Links.Values.FirstOrDefault(link => link.Name == options.ToLink)
            ?? throw new IOException($"--to-link {options.ToLink}: there is no such link; 'ip link' lists them");
        IPAddress address = options.Address!;
        ushort port = new SensorPolicy().Port;
        try
        {
            // Sends nothing, but chooses the source.
            using var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(new IPEndPoint(address, port));
            return new SensorEndpoint(address, port, link, ((IPEndPoint)socket.LocalEndPoint!).Address);
        }
        catch (SocketException)
        {
            // Onto a link no route is needed, and to a sensor that sniffs any source is as good.
            return new SensorEndpoint(address, port, link, address);
        }
    }

    public int Introduce(string name, string description)
    {
        uint vni = PcapngFormat.VniOf(description) ?? throw new MalformedStreamException("a link is introduced without its VNI");
        _links.Add(new MirroredLink(_links.Count, new MirroredPod("", name, "", shards: 1), vni, Bridge: 0, Since: 0, Shards: []));
        return _links.Count - 1;
    }

    public void Write(int link, in ReceivedRecord record)
    {
        var frame = new Frame { Start = record.Frame, Length = record.FrameLength, Timestamp = record.Timestamp };
        FrameLayout layout = FrameParser.Parse(frame.Start, frame.Length);
        SendBatch batch = _transport.BatchOf(layout.FlowHash);
        batch.BeginFrame(_links[link], frame.Length, frame.Timestamp);
        LossReason? loss = LossReason.Fault;
        try
        {
            loss = Segmenter.Add(ref frame, layout, _transport, batch, _links[link].Vni);
        }
        finally
        {
            batch.EndFrame(loss);
        }
    }

    public void Flush() => _transport.Flush();

    public void Dispose() => _transport.Dispose();
}
