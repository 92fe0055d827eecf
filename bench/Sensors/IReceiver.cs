namespace HostAgent.Bench.Sensors;

/// <summary>A way in which a sensor reads.</summary>
internal interface IReceiver : IDisposable
{
    /// <summary>What is told of all that comes; another one to start anew.</summary>
    TunnelCount Count { get; set; }

    /// <summary>Takes in what is there, waiting for a while when nothing is.</summary>
    /// <returns>False when nothing came.</returns>
    bool Receive();

    /// <summary>What came and was dropped for want of room, since the beginning.</summary>
    long Dropped { get; }
}
