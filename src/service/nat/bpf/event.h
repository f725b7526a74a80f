/* What is told to the service through the ring: so many a second and not more, and never waited
 * for. Knows nothing of who listens.
 */
#ifndef NAT_BPF_EVENT_H
#define NAT_BPF_EVENT_H

#include "service/nat/bpf/leg.h"
#include "service/nat/bpf/packet.h"
#include "service/nat/bpf/rule.h"

/* One bucket for all kinds. */
NAT_ARRAY(event_rate, 1, struct nat_rate);

/* The jiffy in which this processor was last told that it is not its turn: it does not ask again
 * before the next. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} event_denials SEC(".maps");

struct event_quote {
	struct nat_event event;
	__u8 packet[40];
};

#define SECOND_US 1000000u

/* Nearly always not, while much begins: that costs no clock and no division. */
static __always_inline bool event_may(const struct nat_settings *s)
{
	__u32 zero = 0;
	__u64 *denied = bpf_map_lookup_elem(&event_denials, &zero), jiffy = bpf_jiffies64();
	struct nat_rate *rate = bpf_map_lookup_elem(&event_rate, &zero);
	if (rate == NULL || denied == NULL || s->events_s == 0 || *denied == jiffy) {
		return false;
	}
	rate->cost_us = SECOND_US / s->events_s;
	rate->depth_us = SECOND_US;
	if (!rate_take(rate)) {
		*denied = jiffy;
		return false;
	}
	return true;
}

/* Zeroed but for kind and time, to be given to bpf_ringbuf_submit; NULL: not now. must: whatever
 * the rate. */
static __always_inline struct nat_event *event_begin(enum nat_event_kind kind, bool must)
{
	const struct nat_settings *s = settings_get();
	if (s == NULL || (!must && !event_may(s))) {
		return NULL;
	}
	struct nat_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (event == NULL) {
		count(NAT_C_EVENTS_LOST);
		return NULL;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->kind = kind;
	event->time_ns = bpf_ktime_get_ns();
	return event;
}

/* flag: NAT_SETTING_LOG or NAT_SETTING_LOG_FLOWS. */
static __always_inline bool event_log_all(__u32 flag)
{
	const struct nat_settings *s = settings_get();
	return s != NULL && (s->flags & flag) != 0;
}

/* Octets of a packet that nobody has asked for: what an ICMP error about it quotes. */
#define EVENT_QUOTE 40

/* l3: its IP header. */
static __always_inline void event_refused(struct view view, __u32 l3, __u32 ifindex,
					  const struct nat_tuple4 *tuple, enum nat_counter why)
{
	const struct nat_settings *s = settings_get();
	const void *ip = view.data + l3;
	if (s == NULL || ip + EVENT_QUOTE > view.end || !event_may(s)) {
		return;
	}
	struct event_quote *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (event == NULL) {
		count(NAT_C_EVENTS_LOST);
		return;
	}
	__builtin_memset(event, 0, sizeof(event->event));
	event->event.kind = why == NAT_C_DROP_UNASKED || why == NAT_C_DROP_FILTERED
				    ? NAT_EVENT_UNASKED
				    : NAT_EVENT_REFUSED;
	event->event.counter = (__u8)why;
	event->event.ifindex = ifindex;
	event->event.time_ns = bpf_ktime_get_ns();
	event->event.tuple = *tuple;
	event->event.packet_len = EVENT_QUOTE;
	__builtin_memcpy(event->packet, ip, EVENT_QUOTE);
	bpf_ringbuf_submit(event, 0);
}

/* A flow's beginning or end; 1: it is in the ring. */
__noinline int event_flow(enum nat_event_kind kind, __u32 number, bool must)
{
	const struct nat_flow4 *flow = flow_get(number);
	struct nat_event *event =
		flow != NULL ? event_begin(kind, must || event_log_all(NAT_SETTING_LOG_FLOWS))
			     : NULL;
	if (event == NULL) {
		return 0;
	}
	event->flow = number;
	event->mapping = flow->mapping;
	event->tuple = flow->tuple[0];
	event->answer = flow->tuple[1];
	event->bytes[0] = flow_bytes(flow, 0);
	event->bytes[1] = flow_bytes(flow, 1);
	event->rule = flow->rule;
	bpf_ringbuf_submit(event, 0);
	return 1;
}

/* A mapping's: tuple is its inside, answer's dst and dport its outside. */
__noinline int event_mapping(enum nat_event_kind kind, __u32 number)
{
	const struct nat_mapping4 *mapping = mapping_get(number);
	struct nat_event *event =
		mapping != NULL ? event_begin(kind, event_log_all(NAT_SETTING_LOG)) : NULL;
	if (event == NULL) {
		return 0;
	}
	event->mapping = number;
	event->tuple = mapping->in;
	event->answer.dst = mapping->address;
	event->answer.dport = mapping->port;
	event->answer.proto = mapping->in.proto;
	bpf_ringbuf_submit(event, 0);
	return 1;
}

#endif
