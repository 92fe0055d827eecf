using HostAgent.Relay;
using HostAgent.Tunnel;

namespace HostAgent.Tests.Relay;

/// <summary>Agents come and go for months, each with a stream of its own: the accounts are bounded, and no record is forgotten.</summary>
[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class AccountBookTests
{
    private readonly AccountBook _book = new();

    [Test]
    public void Those_that_have_been_gone_for_longest_are_added_up_and_the_sum_stays_right()
    {
        const int Streams = AccountBook.Most + 100;
        for (int i = 0; i < Streams; i++) Stream(Guid.NewGuid(), first: 0, received: i, missing: 2);
        IReadOnlyList<AgentSum> sums = _book.Read();
        Assert.That(sums, Has.Count.EqualTo(AccountBook.Most + 1));
        // 0 + 1 + … + 99 records came of the hundred that were the first.
        Assert.That(
            (sums[0].Name, sums[0].Received, sums[0].Missing, sums[0].Connections), Is.EqualTo(("former agents", 4950L, 200L, 0)));
        Assert.That(sums.Sum(sum => sum.Received), Is.EqualTo(Streams * (Streams - 1L) / 2));
        Assert.That(sums.Sum(sum => sum.Missing), Is.EqualTo(Streams * 2L));
        Assert.That(sums.All(sum => sum.IsWhole));
    }

    [Test]
    public void Who_came_back_keeps_his_account_longer_than_who_did_not()
    {
        Guid back = Guid.NewGuid();
        Stream(back, first: 0, received: 5);
        Stream(Guid.NewGuid(), first: 0, received: 7);
        Stream(back, first: 5, received: 1);
        Fill(AccountBook.Most - 1);
        Assert.That(_book.Read()[0].Received, Is.EqualTo(7), "the other was added up");
        // What was on the way at the end is known to be missing, since the account is the one from before.
        Stream(back, first: 10, received: 1);
        AgentSum sum = _book.Read().Single(sum => sum.Missing > 0);
        Assert.That((sum.Received, sum.Missing), Is.EqualTo((7L, 4L)));
    }

    [Test]
    public void An_account_that_is_open_is_not_added_up()
    {
        Guid stream = Guid.NewGuid();
        Stream(stream, first: 0, received: 1);
        AgentAccount open = _book.Open("CN=a", new SectionOrigin("n", stream, 1));
        Fill(2 * AccountBook.Most);
        open.Record();
        _book.Close(open);
        IReadOnlyList<AgentSum> sums = _book.Read();
        Assert.That(sums.Where(sum => sum.Received > 0).Select(sum => sum.Received), Is.EqualTo([2L]));
        Assert.That(sums, Has.Count.EqualTo(AccountBook.Most + 1));
    }

    [Test]
    public void What_was_written_before_an_account_began_is_not_counted_but_said()
    {
        Stream(Guid.NewGuid(), first: 1000, received: 3, missing: 2);
        Assert.That(
            _book.Read().Single().InWords(toLink: false),
            Is.EqualTo("written 5 = received 3 + missing 2; 0 connections, 0 malformed; 1000 were written before"));
    }

    private void Fill(int streams)
    {
        for (int i = 0; i < streams; i++) Stream(Guid.NewGuid(), first: 0, received: 0);
    }

    /// <summary>One connection of a stream, which ends with the agent's last word.</summary>
    private void Stream(Guid stream, long first, int received, int missing = 0)
    {
        AgentAccount account = _book.Open("CN=a", new SectionOrigin("n", stream, first));
        account.Begin(first);
        for (int i = 0; i < received; i++) account.Record();
        account.Begin(first + received + missing);
        _book.Close(account);
    }
}
