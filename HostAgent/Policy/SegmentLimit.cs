using System.Globalization;

namespace HostAgent.Policy;

/// <summary>The policy's <c>sensor.segments</c>: how large a segment of a TCP super-frame may be.</summary>
/// <param name="Bytes">Of its frame at most, as on the pod's link; 0 for as large as on the wire.</param>
public readonly record struct SegmentLimit(int Bytes)
{
    /// <summary>More than all headers that a segment repeats.</summary>
    public const int Least = 576;

    /// <summary>What a UDP datagram over IPv4 can carry behind VXLAN's header.</summary>
    public const int Most = 65_499;

    /// <summary>As a tap on a cable would show them.</summary>
    public static SegmentLimit Wire => default;

    /// <summary>As much as the sensor's link takes.</summary>
    public static SegmentLimit Link { get; } = new(int.MaxValue);

    /// <summary>The sensor's link may be too small for it.</summary>
    public bool IsNumber => this != Wire && this != Link;

    /// <summary>The text of a plain scalar; null when it is none of wire, link and a number that is allowed.</summary>
    public static SegmentLimit? Parse(string text) => text switch
    {
        "wire" => Wire,
        "link" => Link,
        _ when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int bytes)
            && text[0] != '0' && bytes is >= Least and <= Most => new SegmentLimit(bytes),
        _ => null,
    };
}
