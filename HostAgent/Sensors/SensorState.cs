namespace HostAgent.Sensors;

/// <summary>Whether there is somebody to send to.</summary>
public enum SensorState
{
    /// <summary>At least one endpoint is ready.</summary>
    Ready,

    /// <summary>The policy's selector or address leads to no sensor at the moment.</summary>
    Missing,

    /// <summary>There is a sensor, but it must not be used, for instance because it is not on this host.</summary>
    Refused,

    /// <summary>There is a sensor that reads a stream, and no connection to it yet, or any more.</summary>
    Connecting,
}
