// An in-kernel mirror, as small as it can be and still right: what any datapath with the right to load eBPF (CAP_BPF, CAP_NET_ADMIN) needs
// at least. "clone" stands at both hooks of the mirrored pod's link and sends a copy of each frame to the sensor's link, where
// "encapsulate" puts VXLAN around it (RFC 7348). Cutting and checksums are the kernel's, behind the egress hook, on a link without
// tx offloads. Addresses are given in network byte order: SENSOR_LINK (ifindex), SOURCE, SENSOR, and PORT and VNI as numbers.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>

#define SECTION(name) __attribute__((section(name), used))
#define MARK 0x6d697272 // What production's own packets do not carry on the sensor's link.

static long (*skb_store_bytes)(struct __sk_buff *, __u32, const void *, __u32, __u64) = (void *)BPF_FUNC_skb_store_bytes;
static long (*skb_load_bytes)(const struct __sk_buff *, __u32, void *, __u32) = (void *)BPF_FUNC_skb_load_bytes;
static long (*clone_redirect)(struct __sk_buff *, __u32, __u64) = (void *)BPF_FUNC_clone_redirect;
static long (*skb_change_head)(struct __sk_buff *, __u32, __u64) = (void *)BPF_FUNC_skb_change_head;
static long (*skb_adjust_room)(struct __sk_buff *, __s32, __u32, __u64) = (void *)BPF_FUNC_skb_adjust_room;
static __u32 (*get_hash_recalc)(struct __sk_buff *) = (void *)BPF_FUNC_get_hash_recalc;

struct tunnel {
    struct ethhdr ethernet;
    struct iphdr ip;
    struct udphdr udp;
    __be32 flags, vni;
} __attribute__((packed));

static __u32 folded(__u32 sum) { return (sum & 0xffff) + (sum >> 16); }

SECTION("clone") int on_pods_link(struct __sk_buff *skb)
{
    __u32 mark = skb->mark;
    skb->mark = MARK;
    clone_redirect(skb, SENSOR_LINK, 0);
    skb->mark = mark;
    return TC_ACT_UNSPEC;
}

SECTION("encapsulate") int on_sensors_link(struct __sk_buff *skb)
{
    if (skb->mark != MARK) return TC_ACT_OK;
    __u32 length = skb->len;
    struct ethhdr inner;
    if (skb_load_bytes(skb, 0, &inner, sizeof(inner))) return TC_ACT_SHOT;
    if (skb->gso_size) {
        // So that the kernel cuts the inner frame and repeats the outer headers. The room comes behind the Ethernet header, which moves.
        __u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_ENCAP_L4_UDP
            | BPF_F_ADJ_ROOM_ENCAP_L2(ETH_HLEN);
        if (skb_adjust_room(skb, sizeof(struct tunnel), BPF_ADJ_ROOM_MAC, flags)) return TC_ACT_SHOT;
        if (skb_store_bytes(skb, sizeof(struct tunnel), &inner, sizeof(inner), 0)) return TC_ACT_SHOT;
    } else if (skb_change_head(skb, sizeof(struct tunnel), 0)) {
        return TC_ACT_SHOT;
    }

    struct tunnel outer = {
        // Nobody's, as the agent's: the sensor's IP stack has nothing to do with it.
        .ethernet = { .h_dest = "\2vxlan", .h_source = "\2kernl", .h_proto = __builtin_bswap16(ETH_P_IP) },
        .ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = 17, .saddr = SOURCE, .daddr = SENSOR },
        .udp = { .dest = __builtin_bswap16(PORT) },
        .flags = __builtin_bswap32(0x08000000),
        .vni = __builtin_bswap32(VNI << 8),
    };
    outer.ip.tot_len = __builtin_bswap16(length + sizeof(struct tunnel) - sizeof(struct ethhdr));
    outer.udp.len = __builtin_bswap16(length + sizeof(struct tunnel) - sizeof(struct ethhdr) - sizeof(struct iphdr));
    outer.udp.source = __builtin_bswap16(49152 + get_hash_recalc(skb) % 16);
    __u32 sum = 0;
    __u16 *word = (__u16 *)&outer.ip;
#pragma unroll
    for (int i = 0; i < (int)sizeof(struct iphdr) / 2; i++) sum += word[i];
    outer.ip.check = ~folded(folded(sum));
    if (skb_store_bytes(skb, 0, &outer, sizeof(outer), 0)) return TC_ACT_SHOT;
    skb->mark = 0;
    return TC_ACT_OK;
}

SECTION("license") char terms[] = "Apache-2.0";
