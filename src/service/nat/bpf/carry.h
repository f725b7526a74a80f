/* Packets that the service is to send, given to it through the ring: so many a second, for it has
 * more to do. Knows nothing of why.
 */
#ifndef NAT_BPF_CARRY_H
#define NAT_BPF_CARRY_H

#include "service/nat/bpf/rule.h"
#include "service/nat/bpf/scratch.h"

enum carry_rate { CARRY_HELD, CARRY_CUT, CARRY_RATES };

NAT_ARRAY(carry_rates, CARRY_RATES, struct nat_rate);

static __always_inline bool carry_may(enum carry_rate which)
{
	__u32 at = which;
	struct nat_rate *rate = bpf_map_lookup_elem(&carry_rates, &at);
	if (rate == NULL) {
		return false;
	}
	rate->cost_us = which == CARRY_HELD ? 500 : 50; /* 2,000 and 20,000 a second */
	rate->depth_us = 100000;
	return rate_take(rate);
}

/* The scratch's event, empty but for kind, time and device. */
static __always_inline void carry_begin(struct nat_event *event, enum nat_event_kind kind,
					__u32 ifindex)
{
	__builtin_memset(event, 0, sizeof(*event));
	event->kind = kind;
	event->ifindex = ifindex;
	event->time_ns = bpf_ktime_get_ns();
}

/* With the packet from its IP header on. */
static __always_inline bool carry_packet(struct __sk_buff *skb, struct carried *c,
					 const struct packet *p)
{
	__u32 len = p->len;
	if (len < IP_HEAD || len > sizeof(c->packet) ||
	    bpf_skb_load_bytes(skb, p->l3, c->packet, len) != 0) {
		return false;
	}
	c->event.packet_len = (__u16)len;
	if (bpf_ringbuf_output(&events, c, sizeof(c->event) + len, 0) != 0) {
		count(NAT_C_EVENTS_LOST);
		return false;
	}
	return true;
}

#endif
