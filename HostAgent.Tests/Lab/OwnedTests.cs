using HostAgent.Lab;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Lab;

[TestFixture]
internal sealed class OwnedTests
{
    [Test]
    public async Task What_a_dead_owner_left_is_removed_and_what_a_live_one_has_is_not()
    {
        Require.Root();
        Require.Program("ip");
        string prefix = $"hostagent-owned{Environment.ProcessId}";
        string live = $"{Owned.Name(prefix)}-pod", other = $"{prefix}-x-y";
        // The pid is this one's, but the start time is not: the owner is a process that had the pid before.
        string dead = $"{prefix}-{Environment.ProcessId}-1-pod";
        string file = Path.Combine(Path.GetTempPath(), $"{prefix}-{Environment.ProcessId}-1-2.pcap");
        string folder = Path.Combine(Path.GetTempPath(), $"{prefix}-{Environment.ProcessId}-1"),
            kept = Path.Combine(Path.GetTempPath(), Owned.Name(prefix));
        using NetworkNamespace mine = NetworkNamespace.Create(live), odd = NetworkNamespace.Create(other);
        NetworkNamespace theirs = NetworkNamespace.Create(dead);
        Directory.CreateDirectory(Path.Combine(folder, "inside"));
        Directory.CreateDirectory(kept);
        File.WriteAllText(file, "");
        await using ChildProcess inside = ChildProcess.Start(theirs, "sh", "-c", "echo inside; exec sleep 600");
        Assert.That(await inside.ReadLineAsync(default), Is.EqualTo("inside"));
        try
        {
            IReadOnlyList<string> removed = Owned.RemoveLeftovers(prefix);
            Assert.That(removed, Is.EquivalentTo([theirs.Path, folder, file]));
            Assert.That(await inside.WaitAsync(TimeSpan.FromSeconds(30)), Is.Not.Null, "the process inside was killed");
            Assert.That(new[] { File.Exists(theirs.Path), Directory.Exists(folder), File.Exists(file) }, Is.All.False);
            Assert.That(new[] { File.Exists(mine.Path), File.Exists(odd.Path), Directory.Exists(kept) }, Is.All.True);
        }
        finally
        {
            if (File.Exists(theirs.Path)) theirs.Dispose();
            Directory.Delete(kept);
            File.Delete(file);
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        }
    }
}
