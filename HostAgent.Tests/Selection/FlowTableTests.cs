using HostAgent.Accounts;
using HostAgent.Selection;

namespace HostAgent.Tests.Selection;

/// <summary>What the table of flows remembers, and for how long, by the frames' own time.</summary>
public sealed class FlowTableTests
{
    private const long Second = 1_000_000_000, Start = 1_700_000_000 * Second;

    private ShardLedger _ledger = null!;
    private FlowTable _table = null!;

    private long Evictions => _ledger.AddTo(LedgerSnapshot.Empty).SliceEvictions;

    [SetUp]
    public void Begin() => _table = new FlowTable(_ledger = new ShardLedger());

    [Test]
    public void Bytes_of_a_flow_add_up_and_those_of_another_do_not()
    {
        Assert.That(Count(1, 100), Is.EqualTo(100));
        Assert.That(Count(2, 7), Is.EqualTo(7));
        Assert.That(Count(1, 65_536), Is.EqualTo(65_636));
    }

    [Test]
    public void A_first_segment_begins_the_flow_anew()
    {
        Count(1, 100);
        Find(Key(1)).Refuse();
        Find(Key(1)).Finish();
        ref FlowEntry flow = ref _table.Find(Key(1), Start, tcp: true, begins: true);
        Assert.That((flow.Bytes, flow.Refused, flow.Ended), Is.EqualTo((0L, false, false)));
    }

    [TestCase(true, 299, 301)]
    [TestCase(false, 59, 61)]
    public void A_flow_that_was_silent_for_long_begins_anew(bool tcp, int goesOn, int anew)
    {
        Count(1, 100, Start, tcp);
        Assert.That(Count(1, 1, Start + (goesOn * Second), tcp), Is.EqualTo(101));
        Assert.That(Count(1, 1, Start + ((goesOn + anew) * Second), tcp), Is.EqualTo(1));
    }

    [Test]
    public void A_clock_that_is_set_back_a_little_changes_nothing_and_by_much_lets_the_flow_begin_anew()
    {
        Count(1, 100);
        Assert.That(Count(1, 1, Start - (5 * Second)), Is.EqualTo(101));
        Assert.That(Count(1, 1, Start - (50 * Second)), Is.EqualTo(1));
    }

    [Test]
    public void Of_five_flows_in_one_place_the_one_that_was_silent_for_longest_makes_room()
    {
        for (ulong i = 1; i <= 4; i++) Count(SamePlace(i), 100, Start + ((long)i * Second));
        Count(SamePlace(1), 100, Start + (5 * Second));
        Count(SamePlace(5), 100, Start + (6 * Second));
        Assert.That(Evictions, Is.EqualTo(1));
        Assert.That(Find(SamePlace(1)).Bytes, Is.EqualTo(200));
        Assert.That(Find(SamePlace(5)).Bytes, Is.EqualTo(100));
        Assert.That(Find(SamePlace(3)).Bytes, Is.EqualTo(100));
        Assert.That(Find(SamePlace(2)).Bytes, Is.Zero, "it begins anew");
    }

    [Test]
    public void A_flow_that_ended_or_is_idle_makes_room_before_one_that_runs_and_is_not_counted()
    {
        for (ulong i = 1; i <= 4; i++) Count(SamePlace(i), 100, Start + ((long)i * Second));
        Find(SamePlace(3), Start + (5 * Second)).Finish();
        Count(SamePlace(5), 100, Start + (6 * Second));
        Assert.That(Find(SamePlace(1), Start + (7 * Second)).Bytes, Is.EqualTo(100));
        Count(SamePlace(6), 100, Start + (1000 * Second));
        Assert.That(Evictions, Is.Zero);
    }

    [Test]
    public void As_many_flows_as_it_has_room_for_hardly_get_into_each_others_way()
    {
        var random = new Random(1);
        ulong[] keys = [.. Enumerable.Range(0, 32_768).Select(_ => (ulong)random.NextInt64())];
        foreach (ulong key in keys) _table.Find(key, Start, tcp: true, begins: false).Add(10);
        foreach (ulong key in keys) _table.Find(key, Start, tcp: true, begins: false).Add(10);
        Assert.That(Evictions, Is.LessThan(keys.Length / 50));
    }

    private static ulong Key(ulong flow) => flow * 0x9E37_79B9_7F4A_7C15;

    /// <summary>Flows that share a set.</summary>
    private static ulong SamePlace(ulong flow) => flow << 33;

    private ref FlowEntry Find(ulong key, long now = Start) => ref _table.Find(key, now, tcp: true, begins: false);

    private long Count(ulong flow, int bytes, long now = Start, bool tcp = true)
    {
        ref FlowEntry entry = ref _table.Find(flow < 1000 ? Key(flow) : flow, now, tcp, begins: false);
        entry.Add(bytes);
        return entry.Bytes;
    }
}
