namespace HostAgent.Lab;

/// <summary>What a sensor's process does; <see cref="SensorLoop"/> is the process.</summary>
internal interface ISensor : IDisposable
{
    /// <summary>Takes in what is there, waiting for a while when nothing is.</summary>
    /// <returns>False when nothing came.</returns>
    bool Receive();

    /// <summary>Carries out an order: one line, answered with one line.</summary>
    string Answer(string order);
}
