using HostAgent.Configuration;

return await new AgentCommandLine(Environment.GetEnvironmentVariable).InvokeAsync(
    args, new CommandHandlers(), Console.Out, Console.Error, Environment.IsPrivilegedProcess).ConfigureAwait(false);
