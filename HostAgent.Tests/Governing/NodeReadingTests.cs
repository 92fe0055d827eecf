using HostAgent.Accounts;
using HostAgent.Governing;
using HostAgent.Policy;

namespace HostAgent.Tests.Governing;

/// <summary>What is read of the node, and how hard it presses the brakes.</summary>
public sealed class NodeReadingTests
{
    private static readonly NodeReading Before = new(TimeSpan.FromHours(1), TimeSpan.FromSeconds(100), LedgerSnapshot.Empty)
    {
        Pressure = TimeSpan.FromSeconds(50),
        Softnet = new SoftnetCounts(uint.MaxValue - 100, uint.MaxValue - 10, 4),
        Periods = (1000, 10),
    };

    private static readonly BudgetInForce Budget = new(new CpuBudget(500), OfPolicy: true);

    [TestCase("some avg10=1.20 avg60=0.50 avg300=0.10 total=4605027672\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n", 4605.027672)]
    [TestCase("some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n", 0)]
    [TestCase("full avg10=0.00 avg60=0.00 avg300=0.00 total=5\n", null)]
    [TestCase("some avg10=0.00 total=many\n", null)]
    [TestCase("", null)]
    public void Pressure_is_the_total_of_some(string text, double? seconds) =>
        Assert.That(NodePressure.Parse(text)?.TotalSeconds, Is.EqualTo(seconds));

    [Test]
    public void This_kernel_says_how_its_tasks_wait_or_that_it_does_not_know()
    {
        Assert.That(NodePressure.Read(), File.Exists(NodePressure.File) ? Is.Not.Null : Is.Null);
        Assert.That(NodePressure.Read("/proc/pressure/none"), Is.Null);
    }

    [Test]
    public void Softnet_drops_are_the_second_word_of_each_line()
    {
        const string Text = "111195d2 00000002 00000007 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 "
            + "00000000\n1433e935 0000000a 00000009 00000000 00000000 00000000 00000000 00000000 00000000 00000001 00000000 00000000 "
            + "00000001\n";
        Assert.That(SoftnetCounts.Parse(Text), Is.EqualTo(new SoftnetCounts(0x111195d2 + 0x1433e935, 12, 2)));
        // Linux 2.6.32 had nine words; and a sum of 32 bits wraps as each counter does.
        Assert.That(SoftnetCounts.Parse("ffffffff fffffffe 0 0 0 0 0 0 0\n00000003 00000003 0 0 0 0 0 0 0"),
            Is.EqualTo(new SoftnetCounts(2, 1, 2)));
        Assert.That(SoftnetCounts.Parse("no numbers here"), Is.Null);
        Assert.That(SoftnetCounts.Parse(""), Is.Null);
    }

    [Test]
    public void Softnet_of_this_node_has_a_line_for_each_processor()
    {
        int online = File.ReadLines("/proc/stat").Count(line => line.StartsWith("cpu", StringComparison.Ordinal)) - 1;
        Assert.That(SoftnetCounts.Read()?.Cpus, Is.EqualTo(online));
        Assert.That(SoftnetCounts.Read("/proc/none"), Is.Null);
    }

    [Test]
    public void A_reading_of_this_node_has_what_the_kernel_tells_and_counters_rise()
    {
        var reader = new NodeReader(() => LedgerSnapshot.Empty, TimeProvider.System);
        NodeReading first = reader.Read();
        for (double sum = 0, i = 0; Environment.CpuUsage.TotalTime <= first.Cpu; i++) sum += Math.Sqrt(i);
        NodeReading second = reader.Read();
        Assert.That(second.At, Is.GreaterThan(first.At));
        Assert.That(second.Cpu, Is.GreaterThan(first.Cpu));
        Assert.That(new Interval(first, second).Cores, Is.Positive);
        Assert.That(second.Softnet, Is.Not.Null);
    }

    [Test]
    public void The_budget_is_compared_with_what_the_agent_used()
    {
        Strain cpu = Of(Brake.Cpu, Before with { At = Before.At + TimeSpan.FromSeconds(2), Cpu = Before.Cpu + TimeSpan.FromSeconds(1.5) });
        Assert.That(cpu.Ratio, Is.EqualTo(1.5).Within(1e-9));
        Assert.That(cpu.InWords, Is.EqualTo("the agent uses 750m of a CPU budget of 500m (policy)"));
    }

    [TestCase(0.3, 0.9, 1.125)]
    [TestCase(0.1, 0.9, 1)]
    [TestCase(0.1, 0.4, 0.5)]
    public void Waiting_tasks_press_the_brake_only_while_the_agent_is_at_work(double cores, double waiting, double ratio) => Assert.That(
        Of(Brake.NodePressure, After(cores) with { Pressure = Before.Pressure + TimeSpan.FromSeconds(waiting) }).Ratio,
        Is.EqualTo(ratio).Within(1e-9));

    [Test]
    public void On_a_large_node_the_agent_has_to_be_a_part_of_its_load()
    {
        var large = new SoftnetCounts(0, 0, 64);
        NodeReading after = After(cores: 3) with { Pressure = Before.Pressure + TimeSpan.FromSeconds(0.95), Softnet = large };
        Assert.That(Of(Brake.NodePressure, after).Ratio, Is.EqualTo(1));
        Assert.That(Of(Brake.NodePressure, after with { Cpu = Before.Cpu + TimeSpan.FromSeconds(3.5) }).Ratio, Is.GreaterThan(1));
    }

    [TestCase(0.3, 100_000u, 250u, 2.5)]
    [TestCase(0.3, 100u, 5u, 0.5)]
    [TestCase(0.1, 100_000u, 250u, 1)]
    public void Drops_of_the_node_are_a_part_of_its_packets_and_counters_wrap(double cores, uint packets, uint drops, double ratio)
    {
        SoftnetCounts had = Before.Softnet!.Value;
        var softnet = new SoftnetCounts(unchecked(had.Processed + packets), unchecked(had.Dropped + drops), 4);
        Assert.That(Of(Brake.SoftnetDrops, After(cores) with { Softnet = softnet }).Ratio, Is.EqualTo(ratio).Within(1e-9));
    }

    [TestCase(200, 0, 2)]
    [TestCase(200, 200, 0)]
    public void The_rings_losses_press_unless_no_room_would_have_helped(int lost, int unknown, double ratio)
    {
        LedgerSnapshot ledger = LedgerSnapshot.Empty with
        {
            Seen = 100_000,
            UnknownOffload = unknown,
            Losses = LedgerSnapshot.Empty.Losses.SetItem((int)LossReason.KernelRing, lost),
        };
        Assert.That(Of(Brake.RingLosses, After(0.1) with { Ledger = ledger }).Ratio, Is.EqualTo(ratio).Within(1e-9));
    }

    [Test]
    public void Periods_that_end_at_the_quota_press_from_half_of_them_on()
    {
        Assert.That(Of(Brake.Throttled, After(0.1) with { Periods = (1010, 18) }).Ratio, Is.EqualTo(1.6).Within(1e-9));
        Assert.That(Of(Brake.Throttled, After(0.1)).Ratio, Is.Zero, "no period has passed");
    }

    [Test]
    public void What_is_not_known_is_no_brake()
    {
        NodeReading bare = Before with { Pressure = null, Softnet = null, Periods = default };
        Assert.That(new Interval(bare, bare).Strains(budget: null).Select(strain => strain.Brake), Is.EqualTo([Brake.RingLosses]));
    }

    private static NodeReading After(double cores) =>
        Before with { At = Before.At + TimeSpan.FromSeconds(1), Cpu = Before.Cpu + TimeSpan.FromSeconds(cores) };

    private static Strain Of(Brake brake, NodeReading after) =>
        new Interval(Before, after).Strains(Budget).Single(strain => strain.Brake == brake);
}
