using System.Net;
using HostAgent.Bench.Sensors;
using HostAgent.Lab;

namespace HostAgent.Bench.Systems;

/// <summary>
/// An in-kernel mirror by eBPF (mirror.bpf.c): with more privileges than the agent has, the least that it takes to give a sniffing sensor
/// what it needs.
/// </summary>
/// <param name="folder">Where the program is put that clang makes of it.</param>
internal sealed class BpfMirror(string folder) : MirrorSystem
{
    private static readonly string[] Offloads = ["tx", "tso", "gso"];

    public override string Name => "kernel-bpf";

    public override string? Missing { get; } = Compiles() ? null : "there is no clang here (Debian's package clang) to make a BPF program";

    /// <summary>
    /// It fragments nothing, its datagrams are addressed to nobody's MAC, and lo's checksum offload cannot be switched off.
    /// </summary>
    public override bool Serves(SensorKind sensor) => sensor == SensorKind.Sniff;

    public override Task<RunningSystem> StartAsync(BenchNetwork network, SensorKind sensor, CancellationToken cancellation)
    {
        string program = Path.Combine(folder, "mirror.bpf.o");
        HostTool.Run(
            "clang", "-O2", "-g", "-target", "bpf", "-Wno-address-of-packed-member", "-Wno-pointer-sign", "-idirafter", Headers(),
            $"-DSENSOR_LINK={network.Sniffer.HostIndex}", $"-DSOURCE={Word(NodeNetwork.Address)}",
            $"-DSENSOR={Word(network.SensorAddress(sensor))}", $"-DPORT={TunnelCount.Port}", "-DVNI=100",
            "-c", Path.Combine(AppContext.BaseDirectory, "mirror.bpf.c"), "-o", program);
        var running = new Running(network);
        try
        {
            network.Node.Exec(["ethtool", "-K", network.Sniffer.HostLink, .. Offloads.SelectMany(offload => new[] { offload, "off" })]);
            Attach(network.Node, network.Sniffer.HostLink, ["egress"], program, "encapsulate");
            Attach(network.Node, network.Server.HostLink, ["ingress", "egress"], program, "clone");
            return Task.FromResult<RunningSystem>(running);
        }
        catch
        {
            running.Remove();
            throw;
        }
    }

    private static void Attach(NetworkNamespace node, string link, string[] directions, string program, string section)
    {
        node.Exec("tc", "qdisc", "add", "dev", link, "clsact");
        foreach (string direction in directions)
            node.Exec([.. $"tc filter add dev {link} {direction} bpf direct-action obj {program} sec {section}".Split(' ')]);
    }

    /// <summary>As the machine holds it in memory, so that the program may store it as it is.</summary>
    private static string Word(IPAddress address) => $"{BitConverter.ToUInt32(address.GetAddressBytes())}u";

    /// <summary>Debian keeps asm/types.h where only its own compiler for this machine looks.</summary>
    private static string Headers() => Directory.EnumerateDirectories("/usr/include", "*-linux-gnu").FirstOrDefault("/usr/include");

    private static bool Compiles()
    {
        try
        {
            HostTool.Run("clang", "--version");
            return true;
        }
        catch (ProgramMissingException)
        {
            return false;
        }
    }

    private sealed class Running(BenchNetwork network) : RunningSystem
    {
        public void Remove()
        {
            foreach (string link in new[] { network.Server.HostLink, network.Sniffer.HostLink })
            {
                if (network.Node.Exec("tc", "qdisc", "show", "dev", link).Contains("clsact", StringComparison.Ordinal))
                    network.Node.Exec("tc", "qdisc", "del", "dev", link, "clsact");
            }

            network.Node.Exec(["ethtool", "-K", network.Sniffer.HostLink, .. Offloads.SelectMany(offload => new[] { offload, "on" })]);
        }

        public override ValueTask DisposeAsync()
        {
            Remove();
            return base.DisposeAsync();
        }
    }
}
