using System.Collections.Immutable;
using System.Net;
using HostAgent.Cluster;
using HostAgent.PodMap;

namespace HostAgent.Tests.PodMap;

/// <summary>Whose an address is, in the second that is asked for.</summary>
public sealed class AddressBookTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 24, 3, 0, 0, TimeSpan.Zero);
    private static readonly IPAddress Ip = IPAddress.Parse("10.244.1.23");

    private AddressBook _book = null!;

    [SetUp]
    public void Begin() => _book = new AddressBook();

    [Test]
    public void A_row_for_each_address_of_a_pod_and_none_for_the_nodes()
    {
        Pod dual = Pod("web", "10.244.1.23", "fd00::23") with { HostIp = IPAddress.Parse("192.0.2.7"), NodeName = "node2" };
        Pod host = Pod("proxy", "192.0.2.7") with { HostNetwork = true };
        Pod pending = Pod("waits");
        _book.Update([dual, host, pending], [], Start);
        Assert.That(_book.Owners.Values.Select(o => (o.Ip.ToString(), o.Name, o.Node, o.NodeIp?.ToString())), Is.EquivalentTo(new[]
        {
            ("10.244.1.23", "web", "node2", "192.0.2.7"), ("fd00::23", "web", "node2", "192.0.2.7"),
        }));
    }

    [Test]
    public void An_address_stays_with_its_last_owner_for_five_minutes()
    {
        _book.Update([Pod("web", "10.244.1.23")], [], Start);
        Assert.That(_book.Update([], [], Start.AddSeconds(10)).Single().Until, Is.EqualTo(Start.AddSeconds(10)));
        _book.Update([], [], Start.AddSeconds(309));
        Assert.That(Name(), Is.EqualTo("web"));
        Assert.That(_book.Update([], [], Start.AddSeconds(310)), Is.Empty);
        Assert.That(Name(), Is.Null);
    }

    [Test]
    public void An_address_that_is_used_again_is_the_new_pods_from_that_moment()
    {
        _book.Update([Pod("web", "10.244.1.23")], [], Start);
        _book.Update([], [], Start.AddSeconds(10));
        // The pod was taken on before the other one went, and got the address only afterwards.
        Pod next = Pod("api", "10.244.1.23") with { StartTime = Start.AddSeconds(5) };
        IReadOnlyList<AddressOwner> changes = _book.Update([next], [], Start.AddSeconds(12));
        Assert.That(changes.Single(), Is.EqualTo(_book.Owners[Ip]));
        Assert.That(
            (Name(), _book.Owners[Ip].Since, _book.Owners[Ip].Until),
            Is.EqualTo(("api", Start.AddSeconds(10), (DateTimeOffset?)null)));
    }

    [Test]
    public void A_finished_pod_keeps_its_address_in_the_api_and_never_shadows_a_live_one([Values] bool finishedFirst)
    {
        Pod job = Pod("job", "10.244.1.23") with { Phase = PodPhase.Succeeded, StartTime = Start.AddSeconds(1) };
        Pod live = Pod("api", "10.244.1.23") with { Phase = PodPhase.Running };
        _book.Update(finishedFirst ? [job, live] : [live, job], [], Start.AddSeconds(2));
        Assert.That(Name(), Is.EqualTo("api"));
    }

    [Test]
    public void A_pod_that_finishes_gives_its_address_up()
    {
        Pod job = Pod("job", "10.244.1.23") with { Phase = PodPhase.Running };
        _book.Update([job], [], Start);
        _book.Update([job with { Phase = PodPhase.Succeeded }], [], Start.AddSeconds(1));
        Assert.That((Name(), _book.Owners[Ip].Until), Is.EqualTo(("job", (DateTimeOffset?)Start.AddSeconds(1))));
        _book.Update([job with { Phase = PodPhase.Succeeded }, Pod("api", "10.244.1.23")], [], Start.AddSeconds(2));
        Assert.That(Name(), Is.EqualTo("api"));
    }

    [Test]
    public void Of_two_that_claim_one_address_the_one_that_leaves_gives_way_and_they_take_no_turns()
    {
        Pod leaving = Pod("old", "10.244.1.23") with { Terminating = true, StartTime = Start.AddSeconds(5) };
        Pod next = Pod("new", "10.244.1.23") with { StartTime = Start.AddSeconds(4) };
        _book.Update([leaving], [], Start.AddSeconds(6));
        Assert.That(Name(), Is.EqualTo("old"), "until it is gone, it has it");
        IReadOnlyList<AddressOwner> changes = _book.Update([leaving, next], [], Start.AddSeconds(7));
        Assert.That(changes.Select(c => (c.Name, c.Since, c.Until)), Is.EqualTo(new[]
        {
            ("old", Start.AddSeconds(5), (DateTimeOffset?)Start.AddSeconds(7)), ("new", Start.AddSeconds(7), null),
        }));
        Assert.That(_book.Update([next, leaving], [], Start.AddSeconds(8)), Is.Empty);
        Assert.That(Name(), Is.EqualTo("new"));
    }

    [Test]
    public void A_pod_of_the_same_name_is_another_owner()
    {
        _book.Update([Pod("db-0", "10.244.1.23") with { Uid = "first" }], [], Start);
        Assert.That(_book.Update([Pod("db-0", "10.244.1.23") with { Uid = "second" }], [], Start.AddSeconds(1)), Has.Count.EqualTo(2));
        Assert.That(_book.Owners[Ip].Uid, Is.EqualTo("second"));
    }

    [Test]
    public void Labels_change_and_the_owner_stays()
    {
        _book.Update([Pod("web", "10.244.1.23")], [], Start);
        Pod labelled = Pod("web", "10.244.1.23") with { Labels = ImmutableDictionary<string, string>.Empty.Add("app", "web") };
        Assert.That(_book.Update([labelled], [], Start.AddSeconds(9)), Is.Empty);
        Assert.That((_book.Owners[Ip].Since, _book.Owners[Ip].LabelWords.Single()), Is.EqualTo((Start, "app=web")));
    }

    [Test]
    public void A_service_is_a_row_of_its_own_kind()
    {
        var service = new Service { Uid = "s", Namespace = "shop", Name = "api", ClusterIps = [IPAddress.Parse("10.96.0.9")] };
        _book.Update([Pod("web", "10.244.1.23")], [service], Start);
        Assert.That(_book.Owners[IPAddress.Parse("10.96.0.9")].Kind, Is.EqualTo(AddressKind.Service));
        _book.Update([], [], Start.AddSeconds(1));
        Assert.That(_book.Owners.Values.Select(o => o.Until), Is.All.EqualTo(Start.AddSeconds(1)));
    }

    [Test]
    public void What_an_earlier_process_wrote_down_goes_on()
    {
        _book.Restore([new AddressOwner(Ip, AddressKind.Pod, "shop", "web", "uid-web", Start.AddHours(-1))]);
        Assert.That(_book.Update([Pod("web", "10.244.1.23")], [], Start), Is.Empty);
        Assert.That(_book.Owners[Ip].Since, Is.EqualTo(Start.AddHours(-1)));
    }

    private static Pod Pod(string name, params string[] ips) => new()
    {
        Uid = $"uid-{name}",
        Namespace = "shop",
        Name = name,
        StartTime = Start,
        Phase = PodPhase.Running,
        Ips = [.. ips.Select(IPAddress.Parse)],
    };

    private string? Name() => _book.Owners.GetValueOrDefault(Ip)?.Name;
}
