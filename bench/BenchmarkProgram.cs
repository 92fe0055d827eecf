using HostAgent.Bench.Sensors;
using HostAgent.Bench.Traffic;
using HostAgent.Lab;

namespace HostAgent.Bench;

/// <summary>The project's benchmark. Its processes for load and sensor are this program too.</summary>
internal static class BenchmarkProgram
{
    /// <summary>How to start this program again.</summary>
    public static string Executable => Path.Combine(AppContext.BaseDirectory, typeof(BenchmarkProgram).Assembly.GetName().Name!);

    public static async Task<int> Main(string[] args) => args switch
    {
        [LoadCommand.Name, var from, var to] => LoadCommand.Run(from, to),
        [BenchSensor.Name, var kind, var subject, var folder] =>
            SensorLoop.Run(new BenchSensor(Enum.Parse<SensorKind>(kind), subject, folder)),
        _ => await BenchCommandLine.InvokeAsync(args),
    };
}
