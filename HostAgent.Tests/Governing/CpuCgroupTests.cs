using HostAgent.Governing;

namespace HostAgent.Tests.Governing;

/// <summary>Where the quota stands, by captured texts of hosts and containers, and in the kernel of this machine.</summary>
public sealed class CpuCgroupTests
{
    private const string V2Mount = "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate";
    private const string Pod = "/kubepods/burstable/pod5c1f/0a1b";

    // systemd on the host; a container with a cgroup namespace, as every runtime makes on version 2; one without.
    [TestCase("0::/system.slice/host-agent.service", V2Mount, "/sys/fs/cgroup/system.slice/host-agent.service")]
    [TestCase("0::/", V2Mount, "/sys/fs/cgroup")]
    [TestCase("0::" + Pod, "1 0 0:26 " + Pod + " /sys/fs/cgroup ro - cgroup2 cgroup rw", "/sys/fs/cgroup")]
    [TestCase("4:cpu,cpuacct:" + Pod + "\n3:memory:/other\n0::/", "1 0 0:26 " + Pod + " /sys/fs/cgroup/cpu,cpuacct ro master:9 - cgroup "
        + "cgroup rw,cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct")]
    [TestCase("9:cpuset:/c\n4:cpu:/a/b", "1 0 0:1 / /c rw - cgroup cgroup rw,cpuset\n1 0 0:2 / /cpu rw shared:7 - cgroup cgroup rw,cpu",
        "/cpu/a/b")]
    [TestCase("0::/../sibling", "1 0 0:26 /../.. /sys/fs/cgroup ro - cgroup2 cgroup rw", "/sys/fs/cgroup")]
    public void The_folder_is_found(string cgroups, string mounts, string folder) =>
        Assert.That(CpuCgroup.Find(cgroups, mounts, exists: path => path == folder)?.Folder, Is.EqualTo(folder));

    [TestCase("", "")]
    [TestCase("0::/", "24 1 0:22 / /proc rw - proc proc rw")]
    [TestCase("garbage\n::", "- -\n1 2 3")]
    public void Without_a_controller_there_is_none(string cgroups, string mounts) =>
        Assert.That(CpuCgroup.Find(cgroups, mounts), Is.Null);

    [TestCase("50000 100000\n", null, 0.5)]
    [TestCase("max 100000\n", null, null)]
    [TestCase("max 100000\n", "150000 100000\n", 1.5)]
    [TestCase("200000 100000\n", "150000 100000\n", 1.5)]
    [TestCase(null, null, null)]
    [TestCase("nonsense", "-1 0", null)]
    public void The_strictest_quota_of_version_2_counts(string? own, string? parents, double? cores)
    {
        using var mount = new TemporaryDirectory();
        string folder = Path.Combine(mount.Path, "pod");
        Directory.CreateDirectory(folder);
        if (own is not null) File.WriteAllText(Path.Combine(folder, "cpu.max"), own);
        if (parents is not null) File.WriteAllText(Path.Combine(mount.Path, "cpu.max"), parents);
        File.WriteAllText(Path.Combine(folder, "cpu.stat"), "usage_usec 1\nuser_usec 1\nsystem_usec 0\nnr_periods 120\nnr_throttled 7\n");
        CpuCgroup? found = CpuCgroup.Find("0::/pod", $"1 0 0:26 / {mount.Path} rw - cgroup2 cgroup rw");
        Assert.That((found?.Quota(), found?.Periods()), Is.EqualTo((cores, (120, 7))));
    }

    [Test]
    public void The_quota_of_version_1_in_this_kernel_is_read_where_it_has_one()
    {
        const string Root = "/sys/fs/cgroup/cpu";
        if (!File.Exists(Path.Combine(Root, "cgroup.procs"))) Assert.Ignore("the CPU controller of version 1 is not mounted here");
        string folder = Path.Combine(Root, $"host-agent-test-{Environment.ProcessId}");
        try
        {
            Directory.CreateDirectory(folder);
            CpuCgroup group = CpuCgroup.Find(
                $"1:cpu:/{Path.GetFileName(folder)}", File.ReadAllText("/proc/self/mountinfo"))!;
            Assert.That((group.Folder, group.Quota()), Is.EqualTo((folder, (double?)null)));
            File.WriteAllText(Path.Combine(folder, "cpu.cfs_quota_us"), "25000");
            Assert.That((group.Quota(), group.Periods()), Is.EqualTo(((double?)0.25, (0L, 0L))));
        }
        catch (UnauthorizedAccessException)
        {
            Assert.Ignore("only root makes cgroups");
        }
        finally
        {
            if (Directory.Exists(folder)) Directory.Delete(folder);
        }
    }

    [TestCase(null, null, null)]
    [TestCase("500m", null, "500m (policy)")]
    [TestCase(null, 0.5, "450m (nine tenths of the cgroup's quota)")]
    [TestCase("300m", 0.5, "300m (policy)")]
    [TestCase("2", 0.5, "450m (nine tenths of the cgroup's quota)")]
    [TestCase(null, 0.0001, "1m (nine tenths of the cgroup's quota)")]
    public void The_budget_is_the_policys_and_no_more_than_the_quota_gives(string? policy, double? quota, string? budget) => Assert.That(
        BudgetInForce.Of(policy is null ? null : HostAgent.Policy.CpuBudget.Parse(policy), quota)?.ToString(), Is.EqualTo(budget));
}
