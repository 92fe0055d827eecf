using HostAgent;
using HostAgent.Configuration;

return await new AgentCommandLine(Environment.GetEnvironmentVariable).InvokeAsync(
    args,
    new CommandHandlers { Run = AgentHost.RunAsync, Check = AgentHost.CheckAsync },
    Console.Out,
    Console.Error,
    Environment.IsPrivilegedProcess);
