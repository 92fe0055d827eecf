using HostAgent.Bench.Sensors;

namespace HostAgent.Bench.Systems;

/// <summary>One of the ways to mirror that are measured side by side.</summary>
internal abstract class MirrorSystem
{
    /// <summary>As it is called on the command line and in tables.</summary>
    public abstract string Name { get; }

    /// <summary>As it is asked for: several may be of one kind.</summary>
    public virtual string Kind => Name;

    /// <summary>False when there is nothing for a sensor.</summary>
    public virtual bool Mirrors => true;

    /// <summary>Why it cannot be measured on this machine; null when it can.</summary>
    public virtual string? Missing => null;

    /// <summary>False when it cannot serve a sensor of this kind.</summary>
    public virtual bool Serves(SensorKind sensor) => true;

    /// <summary>Starts mirroring the server's pod (and the idle ones) to the sensor; dispose the answer to end it.</summary>
    public abstract Task<RunningSystem> StartAsync(BenchNetwork network, SensorKind sensor, CancellationToken cancellation);
}
