using HostAgent.Lab;

namespace HostAgent.Tests.Network;

/// <summary>
/// Makes a node with pods for one test (see <see cref="NodeNetwork"/>), in namespaces of its own. Dispose it: that removes everything.
/// </summary>
internal static class TestNode
{
    private const string Prefix = "hostagent-test";
    private static readonly Lock Sweep = new();
    private static bool _swept;
    private static int _count;

    /// <exception cref="AssertionException">The test does not run as root, or a program is missing; the message names its
    /// package.</exception>
    public static NodeNetwork Create()
    {
        Require.Root();
        Require.Program("ip");
        lock (Sweep)
        {
            // What a killed run left behind.
            if (!_swept) Owned.RemoveLeftovers(Prefix);
            _swept = true;
        }

        return NodeNetwork.Create(UniqueName());
    }

    /// <summary>A name that no other test and no other run has: for namespaces, and for folders below the temporary one.</summary>
    public static string UniqueName() => $"{Owned.Name(Prefix)}-{Interlocked.Increment(ref _count)}";
}
