using System.Globalization;

namespace HostAgent.Policy;

/// <summary>A number of bytes, as a policy writes it: <c>64KiB</c>.</summary>
/// <param name="Bytes">At least 1.</param>
public readonly record struct ByteSize(long Bytes)
{
    /// <summary>1024 GiB: more than a flow has on most nodes, so that more would mean all of it.</summary>
    public const long Most = 1L << 40;

    private static readonly (string Name, int Shift)[] Units = [("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0)];

    /// <summary>Null when the text is no whole number of B, KiB, MiB or GiB, or of bytes without a unit, from 1 B to 1024 GiB.</summary>
    public static ByteSize? Parse(string text)
    {
        if (CountedUnit.Parse(text) is not ( >= 1 and <= Most and var count, var unit)) return null;
        foreach ((string name, int shift) in Units)
        {
            if (name == (unit.Length == 0 ? "B" : unit)) return count <= Most >> shift ? new ByteSize(count << shift) : null;
        }

        return null;
    }

    /// <summary>In the largest unit of which it is a whole number.</summary>
    public override string ToString()
    {
        long bytes = Bytes;
        (string name, int shift) = Units.First(unit => (bytes & ((1L << unit.Shift) - 1)) == 0);
        return string.Create(CultureInfo.InvariantCulture, $"{bytes >> shift}{name}");
    }
}
