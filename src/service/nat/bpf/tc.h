/* The data plane at tc, on the way in and on the way out: it can do everything, keeps GSO packets
 * whole, and asks the kernel for neighbours. Knows devices with an Ethernet header and without.
 */
#ifndef NAT_BPF_TC_H
#define NAT_BPF_TC_H

#include "service/nat/bpf/calls.h"
#include "service/nat/bpf/flow.h"

#include <linux/pkt_cls.h>

/* Octets that are made readable at once: Ethernet, IP, TCP, without options; and IP's options. No
 * more of them than are needed: the kernel copies a TCP segment's head anew where its payload lies
 * apart, as it does when the machine or a neighbouring namespace has sent it. */
#define TC_HEADS   54
#define TC_OPTIONS 40

static __always_inline int tc_drop(enum nat_counter why)
{
	count(why);
	return TC_ACT_SHOT;
}

/* To the machine's own stack, and to the programs of others. */
static __always_inline int tc_pass(void)
{
	count(NAT_C_PASSED);
	return TC_ACT_UNSPEC;
}

/* Not to be looked at: to somebody else on the link, a VLAN's before its device has seen it, or to
 * a group of those inside. */
static __always_inline bool tc_is_alien(const struct __sk_buff *skb, const struct nat_device *in)
{
	enum { TO_US, BROADCAST, MULTICAST };
	if (skb->vlan_present != 0) {
		return true;
	}
	return skb->pkt_type != TO_US &&
	       (skb->pkt_type > MULTICAST || in->zone != NAT_ZONE_OUTSIDE);
}

static __always_inline __u32 tc_l3(const struct nat_device *device)
{
	return (device->flags & NAT_DEVICE_ETHER) != 0 ? sizeof(struct ethhdr) : 0;
}

static __always_inline struct view tc_pulled(struct __sk_buff *skb, __u32 want)
{
	struct view view = view_skb(skb);
	if (view.data + want > view.end && (__u32)(view.end - view.data) < skb->len) {
		bpf_skb_pull_data(skb, skb->len < want ? skb->len : want);
		view = view_skb(skb);
	}
	return view;
}

/* Without options: those are PACKET_OPTIONS. */
static __always_inline enum packet_kind
tc_read_plain(struct __sk_buff *skb, const struct nat_device *device, __u8 zone, struct packet *p)
{
	p->tuple.zone = zone;
	return packet_read(tc_pulled(skb, TC_HEADS), tc_l3(device), skb->gso_segs != 0, NULL, p);
}

/* For tc_read. A global function: the verifier reads it once for a program, and what comes after
 * it once, not for each way through it. */
__noinline int tc_read_whole(struct __sk_buff *skb, bool ether, struct packet *p)
{
	__u32 l3 = ether ? sizeof(struct ethhdr) : 0;
	struct view view = tc_pulled(skb, TC_HEADS);
	const struct iphdr *ip = view.data + l3;
	if ((void *)(ip + 1) <= view.end && ip->ihl > 5) {
		view = tc_pulled(skb, TC_HEADS + TC_OPTIONS);
	}
	return p != NULL ? packet_read(view, l3, skb->gso_segs != 0, skb, p) : PACKET_FORMAT;
}

static __always_inline enum packet_kind
tc_read(struct __sk_buff *skb, const struct nat_device *device, __u8 zone, struct packet *p)
{
	*p = (struct packet){.tuple.zone = zone};
	return tc_read_whole(skb, (device->flags & NAT_DEVICE_ETHER) != 0, p);
}

/* No tuple: another program's, or none's. */
static __always_inline int tc_unread(struct __sk_buff *skb, void *calls, enum packet_kind kind,
				     bool out)
{
	switch (kind) {
	case PACKET_ERROR:
		bpf_tail_call(skb, calls, out ? NAT_CALL_ERROR_OUT : NAT_CALL_ERROR);
		return tc_drop(NAT_C_DROP_ICMP);
	case PACKET_FRAGMENT:
		bpf_tail_call(skb, calls, out ? NAT_CALL_FRAGMENT_OUT : NAT_CALL_FRAGMENT);
		return tc_drop(NAT_C_DROP_FRAGMENT);
	case PACKET_OPTIONS: bpf_tail_call(skb, calls, NAT_CALL_OPTIONS); break;
	case PACKET_ALIEN:
		bpf_tail_call(skb, calls, out ? NAT_CALL_NEW_OUT : NAT_CALL_NEW);
		return tc_drop(NAT_C_DROP_PROTOCOL);
	case PACKET_CHECKSUM: return tc_drop(NAT_C_DROP_CHECKSUM);
	default: break;
	}
	return tc_drop(NAT_C_DROP_FORMAT);
}

/* Whether the device that it leaves by can take it whole. */
static __always_inline bool tc_fits(const struct __sk_buff *skb, const struct packet *p, __u32 mtu)
{
	__u32 len = skb->gso_size != 0 ? p->heads + skb->gso_size : p->len;
	return len <= mtu;
}

static __always_inline int tc_too_big(struct __sk_buff *skb, void *calls, const struct nat_hop *hop)
{
	struct note *note = note_get();
	if (note != NULL) {
		note->mtu = hop->mtu;
		note->ifindex = hop->ifindex;
		bpf_tail_call(skb, calls, NAT_CALL_TOO_BIG);
	}
	return tc_drop(NAT_C_DROP_MTU);
}

/* A packet that came in without an Ethernet header gets room for one. */
static __always_inline bool tc_make_ether(struct __sk_buff *skb, const struct nat_device *in)
{
	if ((in->flags & NAT_DEVICE_ETHER) != 0) {
		return true;
	}
	if (bpf_skb_change_head(skb, sizeof(struct ethhdr), 0) != 0) {
		return false;
	}
	struct view view = view_skb(skb);
	struct ethhdr *eth = view.data;
	if ((void *)(eth + 1) > view.end) {
		return false;
	}
	eth->h_proto = bpf_htons(ETH_P_IP);
	return true;
}

/* With the headers that it shall have, by a device with Ethernet. */
static __always_inline int tc_redirect(struct __sk_buff *skb, const struct nat_hop *hop)
{
	/* The other end does not ask anew whom the frame was for. */
	if ((hop->flags & NAT_DEVICE_PEER) == 0 || skb->pkt_type != 0) {
		return (int)bpf_redirect(hop->ifindex, 0);
	}
	skb->mark = 0; /* older kernels leave it to whoever gets it there */
	return (int)bpf_redirect_peer(hop->ifindex, 0);
}

static __always_inline int tc_send(struct __sk_buff *skb, const struct nat_device *in,
				   const struct nat_hop *hop, struct bpf_redir_neigh *neighbour)
{
	count(NAT_C_TRANSLATED);
	if ((hop->flags & NAT_DEVICE_OUTSIDE) != 0) {
		skb->mark = NAT_MARK;
	}
	if ((hop->flags & NAT_DEVICE_ETHER) == 0) {
		return (int)bpf_redirect(hop->ifindex, 0);
	}
	if (!tc_make_ether(skb, in)) {
		return tc_drop(NAT_C_DROP_NO_ROUTE);
	}
	if (neighbour != NULL) {
		return (int)bpf_redirect_neigh(hop->ifindex, neighbour, sizeof(*neighbour), 0);
	}
	struct view view = view_skb(skb);
	__u32 *mac = view.data;
	const __u32 *have = (const __u32 *)hop->dmac;
	if ((void *)(mac + 3) > view.end) {
		return tc_drop(NAT_C_DROP_FORMAT);
	}
	mac[0] = have[0];
	mac[1] = have[1];
	mac[2] = have[2];
	return tc_redirect(skb, hop);
}

/* To the machine itself, with the ports that its socket knows. */
static __always_inline int tc_deliver(struct __sk_buff *skb, const struct packet *p,
				      struct nat_leg4 *leg)
{
	flow_refresh(leg, p, tick_now());
	if (!flow_rewrite_skb(skb, p, leg, false)) {
		return tc_drop(NAT_C_DROP_FORMAT);
	}
	return tc_pass();
}

/* The machine's own, on its way out. */
static __always_inline int tc_out_known(struct __sk_buff *skb, const struct packet *p,
					struct nat_leg4 *leg)
{
	flow_refresh(leg, p, tick_now());
	return flow_rewrite_skb(skb, p, leg, false) ? TC_ACT_UNSPEC : tc_drop(NAT_C_DROP_FORMAT);
}

/* A packet of a flow, on its way in. */
static __always_inline int tc_known(struct __sk_buff *skb, void *calls, const struct nat_device *in,
				    const struct packet *p, struct nat_leg4 *leg)
{
	const struct nat_settings *s = settings_get();
	if (leg->zone == NAT_ZONE_GATEWAY) {
		return tc_deliver(skb, p, leg);
	}
	if (p->ttl <= 1) {
		bpf_tail_call(skb, calls, NAT_CALL_TTL);
		return tc_drop(NAT_C_DROP_TTL);
	}
	struct hop_question *q = NULL; /* of a hop that is not remembered */
	struct nat_hop hop;
	__u32 now = tick_now();
	if (s == NULL) {
		return tc_drop(NAT_C_DROP_NO_ROUTE);
	}
	if (!leg_hop(leg, s, now, &hop)) {
		q = question_get();
		enum hop_way way =
			q != NULL ? flow_hop(skb, leg, p->tos, q, in->ifindex, now) : HOP_NOWHERE;
		if (q == NULL || way == HOP_NOWHERE) {
			return tc_drop(NAT_C_DROP_NO_ROUTE);
		}
		hop = q->hop;
		if (way == HOP_SEND) {
			q = NULL;
		}
	}
	if (!tc_fits(skb, p, hop.mtu)) {
		return tc_too_big(skb, calls, &hop);
	}
	flow_refresh(leg, p, now);
	if (!flow_rewrite_skb(skb, p, leg, true)) {
		return tc_drop(NAT_C_DROP_FORMAT);
	}
	if (q != NULL) {
		neighbour_asked(hop.dmac, now);
	}
	return tc_send(skb, in, &hop, q != NULL ? &q->neighbour : NULL);
}

#endif
