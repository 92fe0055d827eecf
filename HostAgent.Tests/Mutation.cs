namespace HostAgent.Tests;

/// <summary>Seeded damage to an input, for readers of untrusted bytes: cut, repeated, swapped and flipped pieces.</summary>
internal static class Mutation
{
    public static byte[] Of(ReadOnlySpan<byte> input, Random random, ReadOnlySpan<byte> spice)
    {
        var bytes = new List<byte>(input.ToArray());
        for (int n = random.Next(1, 6); n > 0 && bytes.Count > 0; n--)
        {
            int at = random.Next(bytes.Count);
            int length = Math.Min(random.Next(1, 40), bytes.Count - at);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes.RemoveRange(at, length);
                    break;
                case 2:
                    bytes.InsertRange(random.Next(bytes.Count), bytes.GetRange(at, length));
                    break;
                case 3:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 4:
                    bytes[at] = spice[random.Next(spice.Length)];
                    break;
                default:
                    bytes.Insert(at, spice[random.Next(spice.Length)]);
                    break;
            }
        }

        return [.. bytes];
    }
}
