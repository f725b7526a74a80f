/* How a flow of IPv6 begins and ends: its number, its host's limit, its places in the index. Knows
 * nothing of rules and routes, which have been asked.
 */
#ifndef NAT_BPF_BEGIN6_H
#define NAT_BPF_BEGIN6_H

#include "service/nat/bpf/event.h"
#include "service/nat/bpf/flow6.h"
#include "service/nat/bpf/host.h"
#include "service/nat/bpf/pool.h"
#include "service/nat/bpf/port.h"

/* --- hosts ------------------------------------------------------------------------------------ */

/* The inside end of a flow: whose limit it counts for. */
static __always_inline const struct nat_address6 *flow6_host(const struct nat_flow6 *flow)
{
	return (flow->flags & NAT_FLOW_FORWARD) != 0 ? &flow->tuple[1].src : &flow->tuple[0].src;
}

static __always_inline struct nat_host *host6_get(const struct nat_address6 *a)
{
	return bpf_map_lookup_elem(&hosts, a);
}

static __always_inline struct nat_host *host6_of(const struct nat_address6 *a)
{
	struct nat_host_key key;
	struct nat_host *host = host6_get(a);
	__builtin_memcpy(key.address, a->octets, sizeof(key.address));
	return host != NULL ? host : host_make(&key);
}

/* The flow is over: what it has carried is the host's. */
static __noinline int host6_give(struct nat_flow6 *flow)
{
	struct nat_host *host = flow != NULL ? host6_get(flow6_host(flow)) : NULL;
	if (host == NULL) {
		return 0;
	}
	int out = (flow->flags & NAT_FLOW_FORWARD) != 0;
	host_give(host);
	__sync_fetch_and_add(&host->bytes_out, flow->bytes[out & 1]);
	__sync_fetch_and_add(&host->bytes_in, flow->bytes[(out ^ 1) & 1]);
	return 0;
}

/* --- events ----------------------------------------------------------------------------------- */

/* As event_begin. */
static __always_inline struct nat_event6 *event6_begin(enum nat_event_kind kind, bool must)
{
	const struct nat_settings *s = settings_get();
	if (s == NULL || (!must && !event_may(s))) {
		return NULL;
	}
	struct nat_event6 *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (event == NULL) {
		count(NAT_C_EVENTS_LOST);
		return NULL;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->head.kind = kind;
	event->head.time_ns = bpf_ktime_get_ns();
	event->head.packet_len = sizeof(*event) - sizeof(event->head);
	return event;
}

__noinline bool event6(enum nat_event_kind kind, __u32 number, bool must)
{
	const struct nat_flow6 *flow = flow6_get(number);
	struct nat_event6 *event = flow != NULL ? event6_begin(kind, must) : NULL;
	if (event == NULL) {
		return false;
	}
	event->head.flow = number;
	event->head.mapping = flow->mapping;
	event->head.bytes[0] = flow->bytes[0];
	event->head.bytes[1] = flow->bytes[1];
	event->head.rule = flow->rule;
	event->head.tuple.proto = flow->tuple[0].proto;
	event->head.tuple.zone = flow->tuple[0].zone;
	event->head.answer.zone = flow->tuple[1].zone;
	event->tuple = flow->tuple[0];
	event->answer = flow->tuple[1];
	bpf_ringbuf_submit(event, 0);
	return true;
}

__noinline int mapping6_told(enum nat_event_kind kind, __u32 number)
{
	const struct nat_mapping6 *mapping = mapping6_get(number);
	struct nat_event6 *event =
		mapping != NULL ? event6_begin(kind, event_log_all(NAT_SETTING_LOG)) : NULL;
	if (event == NULL) {
		return 0;
	}
	event->head.mapping = number;
	event->head.tuple.proto = mapping->in.proto;
	event->head.tuple.zone = mapping->in.zone;
	event->tuple = mapping->in;
	event->answer.dst = address6_map(mapping->address);
	event->answer.dport = mapping->port;
	bpf_ringbuf_submit(event, 0);
	return 1;
}

/* --- mappings --------------------------------------------------------------------------------- */

static __always_inline __u32 space6_of(__u8 proto)
{
	return proto == NEXT_ICMP6 ? (__u32)NAT_SPACE_ICMP : space_of(proto);
}

/* One flow less; the last one takes the mapping and its port with it. */
__noinline int mapping6_leave(__u32 number)
{
	struct nat_mapping6 *mapping = mapping6_get(number);
	if (mapping == NULL || number == 0 || __sync_fetch_and_add(&mapping->refs, -1) != 1) {
		return 0;
	}
	mapping6_told(NAT_EVENT_MAPPING6_ENDED, number);
	index6_take(&mapping->in, number, true);
	port_give(mapping->public_slot, space6_of(mapping->in.proto), bpf_ntohs(mapping->port),
		  number | NAT_PORT_SIX);
	mapping->seen = tick_now();
	mapping->life = NAT_DEAD;
	return 1;
}

/* --- flows ------------------------------------------------------------------------------------ */

/* Out of the index, at once; its number rests for a second, until nobody can still hold it. */
__noinline int flow6_end(__u32 number)
{
	struct nat_flow6 *flow = flow6_get(number);
	if (flow == NULL || flow->life != NAT_LIVE) {
		return 0;
	}
	index6_take(&flow->tuple[0], number, false);
	index6_take(&flow->tuple[1], number, false);
	if ((flow->flags & NAT_FLOW_LOGGED) != 0) {
		event6(NAT_EVENT_FLOW6_ENDED, number, true);
	}
	if (flow->host != 0) {
		host6_give(flow);
	}
	if (flow->mapping != 0) {
		mapping6_leave(flow->mapping);
	}
	flow->seen = tick_now();
	flow->life = NAT_DEAD;
	count(NAT_C_FLOWS_ENDED);
	return 1;
}

static __always_inline void flow6_fill(struct nat_flow6 *flow, const struct work6 *w, bool counted)
{
	const struct nat_settings *s = settings_get();
	flow->tuple[0] = w->tuple;
	flow->tuple[1] = w->answer;
	flow->mapping = w->mapping;
	flow->seen = w->now;
	flow->born = w->now;
	flow->tcp = w->tuple.proto == IPPROTO_TCP ? NAT_TCP_INIT : NAT_TCP_NONE;
	flow->idle = idle6(&w->tuple, flow->tcp);
	flow->flags = w->flow_flags;
	flow->rules_gen = s != NULL ? s->rules_gen : 0;
	flow->rule = w->rule;
	flow->bytes[0] = 0;
	flow->bytes[1] = 0;
	flow->hop[0] = (struct nat_hop){0};
	flow->hop[1] = (struct nat_hop){0};
	flow->host = counted;
}

static __always_inline bool flow6_put(struct work6 *w, __u32 number)
{
	bool first = index6_put(&w->tuple, number, false);
	bool second = first && index6_put(&w->answer, number, false);
	if (second && index6_flow(&w->tuple, number) == 0 && index6_flow(&w->answer, number) == 0) {
		return true;
	}
	/* Another processor was at the same, or another flow has these answers. */
	count(second ? NAT_C_RACE : NAT_C_DROP_TABLE_FULL);
	if (first) {
		index6_take(&w->tuple, number, false);
	}
	if (second) {
		index6_take(&w->answer, number, false);
	}
	return false;
}

/* w->tuple, answer, mapping, rule, flow_flags. The number, 0: it could not be, and that is counted.
 * Whoever was dropped there keeps no hold on w->mapping. */
__noinline __u32 flow6_begin(struct work6 *w)
{
	const struct nat_settings6 *s = settings6_get();
	if (w == NULL) {
		return 0;
	}
	bool counted = (w->flow_flags & NAT_FLOW_GATEWAY) == 0;
	const struct nat_address6 *host =
		(w->flow_flags & NAT_FLOW_FORWARD) != 0 ? &w->answer.src : &w->tuple.src;
	struct nat_address6 key = *host;
	if (s == NULL) {
		return 0;
	}
	struct nat_host *record = counted ? host6_of(&key) : NULL;
	if (counted && (record == NULL || !host_take(record, w->now))) {
		count(NAT_C_DROP_HOST_FULL);
		w->full = 1;
		return 0;
	}
	__u32 number = pool_take(NAT_POOL_FLOWS6, s->flows_max);
	struct nat_flow6 *flow = flow6_get(number);
	if (number != 0 && flow != NULL) {
		flow6_fill(flow, w, counted);
		flow->life = NAT_LIVE;
		if (flow6_put(w, number)) {
			count(NAT_C_FLOWS_BEGUN);
			if (event6(NAT_EVENT_FLOW6_BEGUN, number,
				   event_log_all(NAT_SETTING_LOG_FLOWS))) {
				flow->flags |= NAT_FLOW_LOGGED;
			}
			return number;
		}
		flow->mapping = 0;
		flow->life = NAT_DEAD;
	} else {
		count(NAT_C_DROP_TABLE_FULL);
		w->full = 1;
	}
	if (record != NULL) {
		host_give(record);
	}
	return 0;
}

#endif
