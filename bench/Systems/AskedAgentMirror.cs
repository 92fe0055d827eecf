using System.Net.Sockets;
using HostAgent.Bench.Sensors;
using HostAgent.Bench.Traffic;
using HostAgent.Lab;
using HostAgent.Observability;

namespace HostAgent.Bench.Systems;

/// <summary>
/// The agent while somebody floods its own port: connections that are reset, every other one in the middle of a request. Its answers cost
/// time that is on its account; what it must not cost is frames.
/// </summary>
/// <param name="agent">The agent.</param>
internal sealed class AskedAgentMirror(AgentMirror agent) : MirrorSystem
{
    private const double ConnectionsPerSecond = 2000;

    public override string Name => "agent-asked";

    public override async Task<RunningSystem> StartAsync(BenchNetwork network, SensorKind sensor, CancellationToken cancellation) =>
        new Running(await agent.StartAsync(network, sensor, cancellation), network.Node);

    private sealed class Running : RunningSystem
    {
        private readonly RunningSystem _agent;
        private readonly Thread _asking;
        private volatile bool _ended;

        public Running(RunningSystem agent, NetworkNamespace node)
        {
            _agent = agent;
            _asking = new Thread(() => node.Run(Ask)) { IsBackground = true, Name = "asking" };
            _asking.Start();
        }

        public override int? ProcessId => _agent.ProcessId;

        public override Task<AgentReading?> ReadAsync(CancellationToken cancellation) => _agent.ReadAsync(cancellation);

        public override async ValueTask DisposeAsync()
        {
            _ended = true;
            _asking.Join();
            await _agent.DisposeAsync();
            await base.DisposeAsync();
        }

        private bool Ask()
        {
            var schedule = new Schedule(ConnectionsPerSecond, TimeSpan.FromDays(1).TotalSeconds);
            while (!_ended)
            {
                for (int due = schedule.Next(100); due > 0 && !_ended; due--)
                {
                    using var socket = new Socket(AgentProcess.Listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                    // Closing sends a reset.
                    socket.LingerState = new LingerOption(true, 0);
                    try
                    {
                        socket.Connect(AgentProcess.Listen);
                        if (due % 2 == 0) socket.Send("GET /status HTTP/1.1\r\nX: "u8);
                    }
                    catch (SocketException)
                    {
                        // The agent has closed it first, for a newer one.
                    }
                }
            }

            return true;
        }
    }
}
