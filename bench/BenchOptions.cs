using HostAgent.Bench.Measuring;
using HostAgent.Bench.Sensors;

namespace HostAgent.Bench;

/// <summary>What to measure.</summary>
/// <param name="Tests">Which tests.</param>
/// <param name="Systems">Names of the systems to be compared.</param>
/// <param name="Sensors">Who receives; all is measured for each.</param>
/// <param name="Repetitions">How often; the systems take turns.</param>
/// <param name="Seconds">Of traffic in each test.</param>
/// <param name="Agent">The agent's executable.</param>
/// <param name="Before">Another build of it, measured as a system of its own; null for none.</param>
/// <param name="Segments">Values of sensor.segments, each a system of its own; "wire" is the agent as it is.</param>
/// <param name="Slices">Values of slice, each a system of its own beside the agent without one.</param>
/// <param name="Json">Where all samples are written; null for nowhere.</param>
internal sealed record BenchOptions(
    IReadOnlyList<Test> Tests, IReadOnlyList<string> Systems, IReadOnlyList<SensorKind> Sensors, int Repetitions, double Seconds,
    string Agent, string? Before, IReadOnlyList<string> Segments, IReadOnlyList<string> Slices, string? Json);
