using System.Globalization;

namespace HostAgent.Policy;

/// <summary>How much of a pod is mirrored at most, as a policy writes it: <c>200Mbit</c>, <c>50kpps</c>.</summary>
/// <param name="PerSecond">Bits or packets, as on the wire, without the tunnel's headers; at least 1.</param>
/// <param name="Packets">True for packets, false for bits.</param>
public readonly record struct RateLimit(long PerSecond, bool Packets)
{
    private const long MostBits = 1_000_000_000_000, MostPackets = 1_000_000_000;

    // As tc(8) writes them: decimal, the largest first.
    private static readonly (string Name, long Factor, bool Packets)[] Units =
    [
        ("Gbit", 1_000_000_000, false), ("Mbit", 1_000_000, false), ("kbit", 1000, false),
        ("Mpps", 1_000_000, true), ("kpps", 1000, true), ("pps", 1, true),
    ];

    /// <summary>Null when the text is no whole number of one of the units, from 1 on up to 1000Gbit or 1000Mpps.</summary>
    public static RateLimit? Parse(string text)
    {
        if (CountedUnit.Parse(text) is not ( >= 1 and <= MostPackets and var count, var unit)) return null;
        foreach ((string name, long factor, bool packets) in Units)
        {
            if (name == unit) return count <= (packets ? MostPackets : MostBits) / factor ? new RateLimit(count * factor, packets) : null;
        }

        return null;
    }

    /// <summary>In the largest unit of which it is a whole number.</summary>
    public override string ToString()
    {
        (long perSecond, bool packets) = this;
        (string name, long factor, _) = Units.First(unit => unit.Packets == packets && perSecond % unit.Factor == 0);
        return string.Create(CultureInfo.InvariantCulture, $"{perSecond / factor}{name}");
    }
}
