namespace HostAgent.Tap;

/// <summary>Why a capture came to its end.</summary>
internal enum TapEnd
{
    /// <summary>It was told to.</summary>
    Stopped,

    /// <summary>There are as many frames as were asked for.</summary>
    Enough,

    /// <summary>Nobody reads any more.</summary>
    Abandoned,
}
