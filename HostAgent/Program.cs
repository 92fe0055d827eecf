using HostAgent;
using HostAgent.Commands;
using HostAgent.Demo;
using HostAgent.Lab;
using HostAgent.Observability;
using HostAgent.PodMap;
using HostAgent.Relay;
using HostAgent.Replay;
using HostAgent.Tap;

// Hidden: a part of the demo, which starts it in the sensor's namespace.
if (args is [SniffingSensor.Name, var link]) return SensorLoop.Run(new SniffingSensor(link));

return await new AgentCommandLine(Environment.GetEnvironmentVariable).InvokeAsync(
    args,
    new CommandHandlers
    {
        Run = AgentHost.RunAsync,
        Status = (agent, watch, json, cancellation) => StatusCommand.RunAsync(agent, watch, json, Console.Out, cancellation),
        Tap = (agent, options, cancellation) => TapCommand.RunAsync(agent, options, Console.Error, cancellation),
        Check = CheckCommand.RunAsync,
        Whose = (ip, at, directory, json) => WhoseCommand.Run(ip, at, directory, json, Console.Out, Console.Error),
        Replay = ReplayCommand.RunAsync,
        Demo = DemoCommand.RunAsync,
        Receive = ReceiveCommand.RunAsync,
    },
    Console.Out,
    Console.Error,
    Environment.IsPrivilegedProcess);
