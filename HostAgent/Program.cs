using HostAgent;
using HostAgent.Commands;
using HostAgent.Demo;
using HostAgent.Replay;

// Hidden: a part of the demo, which starts it in the sensor's namespace.
if (args is [SensorCommand.Name, var link]) return SensorCommand.Run(link);

return await new AgentCommandLine(Environment.GetEnvironmentVariable).InvokeAsync(
    args,
    new CommandHandlers
    {
        Run = AgentHost.RunAsync,
        Check = AgentHost.CheckAsync,
        Replay = ReplayCommand.RunAsync,
        Demo = DemoCommand.RunAsync,
    },
    Console.Out,
    Console.Error,
    Environment.IsPrivilegedProcess);
