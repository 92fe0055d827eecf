using HostAgent.Demo;

return args is ["demo-sensor", var link] ? SensorCommand.Run(link) : 0;
