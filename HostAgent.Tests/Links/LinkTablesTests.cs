using System.Net;
using HostAgent.Interop;
using HostAgent.Links;
using static HostAgent.Interop.LinuxIfLink;
using static HostAgent.Interop.LinuxNeighbour;
using static HostAgent.Interop.LinuxRtnetlink;

namespace HostAgent.Tests.Links;

/// <summary>What the kernel may say without this kernel being able to: VLAN filtering, netkit, and nonsense.</summary>
public sealed class LinkTablesTests
{
    private static readonly byte[] Mac = [2, 0, 0, 0, 0, 9];
    private static readonly IPAddress Address = IPAddress.Parse("10.77.0.9");

    [Test]
    public void On_a_vlan_aware_bridge_the_vlan_decides_between_ports_with_the_same_mac()
    {
        var tables = new LinkTables();
        tables.Apply(RTM_NEWLINK, LinkMessage(10, "br0", "bridge"));
        tables.Apply(RTM_NEWLINK, LinkMessage(11, "br0.5", "vlan", peer: 10, vlan: 5));
        tables.Apply(RTM_NEWLINK, LinkMessage(12, "veth5", "veth", peer: 2, netns: 0));
        tables.Apply(RTM_NEWLINK, LinkMessage(13, "veth6", "veth", peer: 2, netns: 1));
        tables.Apply(RTM_NEWNEIGH, ForwardingMessage(13, bridge: 10, vlan: 6));
        tables.Apply(RTM_NEWNEIGH, ForwardingMessage(12, bridge: 10, vlan: 5));
        tables.Apply(RTM_NEWNEIGH, NeighbourMessage(11));
        Assert.That(new NeighbourLookup().Find(Address, tables.ToSnapshot()).Link?.Name, Is.EqualTo("veth5"));

        // With the host on the bridge itself nothing tells the VLANs apart.
        tables.Apply(RTM_DELNEIGH, NeighbourMessage(11));
        tables.Apply(RTM_NEWNEIGH, NeighbourMessage(10));
        LookupAnswer answer = new NeighbourLookup().Find(Address, tables.ToSnapshot());
        Assert.That(answer.Link, Is.Null);
        Assert.That(answer.Reason, Does.Contain("behind both").And.Contain("veth5").And.Contain("veth6"));

        // An entry that ages in one VLAN leaves the other's.
        tables.Apply(RTM_DELNEIGH, ForwardingMessage(13, bridge: 10, vlan: 6));
        Assert.That(new NeighbourLookup().Find(Address, tables.ToSnapshot()).Link?.Name, Is.EqualTo("veth5"));
    }

    [Test]
    public void A_netkit_device_counts_like_a_veth()
    {
        var tables = new LinkTables();
        tables.Apply(RTM_NEWLINK, LinkMessage(12, "lxc1", "netkit", peer: 2, netns: 3));
        tables.Apply(RTM_NEWNEIGH, NeighbourMessage(12));
        Assert.That(new NeighbourLookup().Find(Address, tables.ToSnapshot()).Link?.Name, Is.EqualTo("lxc1"));
    }

    [TestCase(NUD_FAILED)]
    [TestCase(NUD_INCOMPLETE)]
    public void A_neighbour_that_does_not_answer_is_none(int state)
    {
        var tables = new LinkTables();
        tables.Apply(RTM_NEWLINK, LinkMessage(12, "veth0", "veth", peer: 2, netns: 3));
        tables.Apply(RTM_NEWNEIGH, NeighbourMessage(12));
        Assert.That(tables.ToSnapshot().Neighbours, Has.Count.EqualTo(1));
        tables.Apply(RTM_NEWNEIGH, NeighbourMessage(12, (ushort)state));
        Assert.That(tables.ToSnapshot().Neighbours, Is.Empty);
    }

    [Test]
    public void Forwarding_entries_of_overlays_and_of_the_ports_themselves_are_not_kept()
    {
        var tables = new LinkTables();
        tables.Apply(RTM_NEWLINK, LinkMessage(12, "vxlan0", "vxlan"));
        tables.Apply(RTM_NEWLINK, LinkMessage(13, "veth0", "veth", peer: 2, netns: 3));
        tables.Apply(RTM_NEWNEIGH, ForwardingMessage(12, bridge: 10, vlan: 0));
        tables.Apply(RTM_NEWNEIGH, ForwardingMessage(13, bridge: 10, vlan: 0, NUD_PERMANENT));
        Assert.That(tables.ToSnapshot().Forwarding, Is.Empty);
        tables.Apply(RTM_NEWNEIGH, ForwardingMessage(13, bridge: 10, vlan: 0));
        Assert.That(tables.ToSnapshot().Forwarding, Has.Count.EqualTo(1));
        // The MAC moves behind the overlay: the pod has moved to another host.
        tables.Apply(RTM_NEWNEIGH, ForwardingMessage(12, bridge: 10, vlan: 0));
        Assert.That(tables.ToSnapshot().Forwarding, Is.Empty);
    }

    [Test]
    public void After_a_resync_a_link_that_is_the_same_keeps_its_generation()
    {
        var before = new LinkTables();
        before.Apply(RTM_NEWLINK, LinkMessage(12, "veth0", "veth", peer: 2, netns: 3));
        before.Apply(RTM_NEWLINK, LinkMessage(13, "veth1", "veth", peer: 2, netns: 4));
        var after = new LinkTables(before);
        after.Load(RTM_NEWLINK, LinkMessage(12, "renamed", "veth", peer: 2, netns: 3));
        after.Load(RTM_NEWLINK, LinkMessage(13, "other", "veth", peer: 2, netns: 4, mac: 77));
        Assert.That(after.ToSnapshot().Has(before.ToSnapshot().Links[12]), Is.True);
        Assert.That(after.ToSnapshot().Has(before.ToSnapshot().Links[13]), Is.False);
    }

    [Test]
    public void Unknown_attributes_are_skipped_and_damage_is_survived()
    {
        byte[][] good =
        [
            LinkMessage(12, "veth0", "veth", peer: 2, netns: 3), NeighbourMessage(12), ForwardingMessage(12, 10, 5),
            RtnetlinkMessage.Of(new rtmsg { rtm_family = AF_INET, rtm_dst_len = 32, rtm_type = RTN_UNICAST, rtm_table = 254 })
                .With(999, "unknown").With(RTA_DST, Address.GetAddressBytes())
                .With(RTA_MULTIPATH, [16, 0, 0, 0, 12, 0, 0, 0, 8, 0, 5, 0, 1, 2, 3, 4]).ToArray(),
            RtnetlinkMessage.Of(new LinuxIfAddr.ifaddrmsg { ifa_family = AF_INET, ifa_index = 12 })
                .With(LinuxIfAddr.IFA_LOCAL, Address.GetAddressBytes()).ToArray(),
        ];
        ushort[] types = [RTM_NEWLINK, RTM_NEWNEIGH, RTM_NEWNEIGH, RTM_NEWROUTE, RTM_NEWADDR];
        var random = new Random(1);
        var tables = new LinkTables();
        for (int round = 0; round < 20000; round++)
        {
            int which = random.Next(good.Length);
            byte[] message = [.. good[which]];
            for (int flips = random.Next(4); flips > 0; flips--) message[random.Next(message.Length)] = (byte)random.Next(256);
            ReadOnlySpan<byte> cut = message.AsSpan(0, random.Next(message.Length + 1));
            tables.Load(types[which], cut);
            tables.Apply(types[which], cut);
            tables.Apply((ushort)random.Next(16, 30), cut);
            var walk = new NetlinkMessages(cut);
            while (walk.MoveNext()) tables.Apply(walk.Header.nlmsg_type, walk.Payload);
        }

        // And after all that the good ones are still understood.
        for (int i = 0; i < good.Length; i++) tables.Load(types[i], good[i]);
        tables.TakeRoutes();
        LinkSnapshot snapshot = tables.ToSnapshot();
        Assert.That(snapshot.Links[12].Name, Is.EqualTo("veth0"));
        Assert.That(snapshot.HostRoutes[Address], Does.Contain(new HostRoute(254, 0, 12)));
        Assert.That(snapshot.LocalAddresses[Address], Does.Contain(12));
        Assert.That(snapshot.Neighbours[Address].Select(entry => entry.Link), Does.Contain(12));
    }

    private static byte[] LinkMessage(int index, string name, string kind, int peer = 0, int? netns = null, int vlan = 0, byte mac = 1)
    {
        RtnetlinkMessage info = new RtnetlinkMessage().With(IFLA_INFO_KIND, kind);
        if (vlan != 0) info.With(IFLA_INFO_DATA, new RtnetlinkMessage().With(IFLA_VLAN_ID, BitConverter.GetBytes((ushort)vlan)).ToArray());
        RtnetlinkMessage message = RtnetlinkMessage.Of(new ifinfomsg { ifi_index = index, ifi_flags = IFF_UP })
            .With(9999, [1, 2, 3]).With(IFLA_IFNAME, name).With(IFLA_ADDRESS, [2, 0, 0, 0, (byte)index, mac]).With(IFLA_LINK, peer);
        if (netns is { } id) message.With(IFLA_LINK_NETNSID, id);
        return message.With(IFLA_LINKINFO, info.ToArray()).ToArray();
    }

    private static byte[] NeighbourMessage(int link, ushort state = NUD_REACHABLE) =>
        RtnetlinkMessage.Of(new ndmsg { ndm_family = AF_INET, ndm_ifindex = link, ndm_state = state })
            .With(NDA_DST, Address.GetAddressBytes()).With(NDA_LLADDR, Mac).ToArray();

    private static byte[] ForwardingMessage(int port, int bridge, int vlan, ushort state = NUD_REACHABLE)
    {
        RtnetlinkMessage message = RtnetlinkMessage.Of(new ndmsg { ndm_family = AF_BRIDGE, ndm_ifindex = port, ndm_state = state })
            .With(NDA_LLADDR, Mac);
        if (vlan != 0) message.With(NDA_VLAN, BitConverter.GetBytes((ushort)vlan));
        return message.With(NDA_MASTER, bridge).ToArray();
    }
}
