namespace HostAgent.Relay;

/// <summary>The seam to where one agent's frames go. One thread at a time.</summary>
internal interface IFrameOutput : IDisposable
{
    /// <summary>A link that frames will be of.</summary>
    /// <param name="name">Its pod and its name, as the agent says.</param>
    /// <param name="description">What else the agent says of it, its VNI included.</param>
    /// <returns>Its number for <see cref="Write"/>.</returns>
    /// <exception cref="MalformedStreamException">It cannot be used.</exception>
    int Introduce(string name, string description);

    /// <summary>Takes a record, whose memory stays as it is until <see cref="Flush"/>.</summary>
    void Write(int link, in ReceivedRecord record);

    /// <summary>Has all that was taken on its way.</summary>
    void Flush();
}
