/* A flow that has been allowed becomes a record, found by both of its tuples. Knows nothing of why
 * it was allowed.
 */
#ifndef NAT_BPF_BEGIN_H
#define NAT_BPF_BEGIN_H

#include "service/nat/bpf/event.h"
#include "service/nat/bpf/flow.h"
#include "service/nat/bpf/mapping.h"

static __always_inline __u8 begin_idle(const struct opening *o)
{
	switch (o->tuple[0].proto) {
	case IPPROTO_TCP: return NAT_IDLE_TCP_OPENING;
	case IPPROTO_UDP:
		return o->tuple[0].dport == bpf_htons(53) ? NAT_IDLE_UDP_DNS : NAT_IDLE_UDP;
	case IPPROTO_ICMP: return NAT_IDLE_ICMP;
	default: return NAT_IDLE_OTHER;
	}
}

static __always_inline void begin_fill(struct nat_flow4 *flow, const struct opening *o,
				       __u16 rules_gen)
{
	flow->tuple[0] = o->tuple[0];
	flow->tuple[1] = o->tuple[1];
	flow->mapping = o->mapping;
	flow->seen = o->q.now;
	flow->tcp = o->tuple[0].proto == IPPROTO_TCP ? NAT_TCP_INIT : NAT_TCP_NONE;
	if (flow->tcp != NAT_TCP_NONE && !o->begins) {
		flow->tcp = NAT_TCP_ESTABLISHED; /* one that was there before us */
	}
	flow->idle = begin_idle(o);
	flow->flags = o->flags;
	flow->rules_gen = rules_gen;
	flow->rule = o->rule;
	flow->born = o->q.now;
	flow->host = o->host;
	flow->life = NAT_LIVE;
}

static __always_inline void begin_leg(struct nat_leg4 *leg, const struct opening *o, int side,
				      __u16 rules_gen)
{
	const struct nat_tuple4 *out = side != 0 ? &o->tuple[0] : &o->tuple[1];
	leg->src = out->dst;
	leg->dst = out->src;
	leg->sport = out->dport;
	leg->dport = out->sport;
	leg->bytes = 0;
	leg->seen = o->q.now;
	leg->zone = out->zone;
	leg->flags = side == 0 && out->proto != IPPROTO_TCP ? NAT_LEG_QUIET : 0;
	leg->rules_gen = rules_gen;
	leg->way.mtu = 0;
	if (side == 0 && o->way == HOP_SEND && (o->flags & NAT_FLOW_GATEWAY) == 0) {
		leg_remember(leg, &o->q.hop);
	}
}

/* One direction becomes known. */
__noinline int begin_put(const struct opening *o, __u32 number, __u32 side)
{
	const struct nat_settings *s = settings_get();
	struct nat_flow4 *flow = flow_get(number);
	if (s == NULL || o == NULL || flow == NULL) {
		return NAT_C_DROP_TABLE_FULL;
	}
	union tuple_words words = {.tuple = side != 0 ? o->tuple[1] : o->tuple[0]};
	__u64 hash = tuple_hash(words.word, s->seed);
	__u32 owner = number | (side != 0 ? NAT_LEG_ANSWERS : 0);
	__u32 place = leg_take(hash, owner, o->q.now);
	struct nat_leg4 *leg = leg_at(place - 1);
	if (place == 0 || leg == NULL) {
		return NAT_C_DROP_TABLE_FULL;
	}
	flow->leg[side & 1] = place - 1;
	begin_leg(leg, o, side != 0, s->rules_gen);
	/* Whoever finds the tuple finds all. */
	volatile __u64 *in = (volatile __u64 *)&leg->in;
	in[1] = words.word[1];
	__sync_lock_test_and_set((__u64 *)&leg->in, words.word[0]);
	if (leg_find(words.word, hash, s, number) != NULL) {
		leg_give(place - 1, owner, o->q.now);
		return NAT_C_RACE;
	}
	return OPEN_GO;
}

__noinline int begin_taken(const struct nat_tuple4 *tuple)
{
	const struct nat_settings *s = settings_get();
	return s == NULL || tuple == NULL || leg_of(tuple, s) != NULL;
}

/* Found by nobody any more. */
static __always_inline void begin_take_out(const struct nat_flow4 *flow, __u32 number, int side,
					   __u32 now)
{
	leg_give(flow->leg[side & 1], number | (side != 0 ? NAT_LEG_ANSWERS : 0), now);
}

/* The answer's tuple first: who finds the originator's finds all. */
static __always_inline int begin_publish(const struct opening *o, const struct nat_flow4 *flow,
					 __u32 number)
{
	int decision = begin_put(o, number, 1);
	if (decision != OPEN_GO) {
		return decision;
	}
	decision = begin_put(o, number, 0);
	if (decision != OPEN_GO) {
		begin_take_out(flow, number, 1, o->q.now);
	}
	return decision;
}

static __always_inline int begin_record(struct opening *o, __u32 *ret)
{
	const struct nat_settings *s = settings_get();
	if (s == NULL) {
		return NAT_C_DROP_TABLE_FULL;
	}
	/* Without a mapping of its own an answer may look like that of another flow: two ways from
	 * one far endpoint to one near one, two hosts that speak ESP with one address. */
	if ((o->mapping == 0 || (o->flags & (NAT_FLOW_FORWARD | NAT_FLOW_HAIRPIN)) != 0) &&
	    begin_taken(&o->tuple[1]) != 0) {
		return NAT_C_DROP_NO_PORT;
	}
	__u32 number = pool_take(NAT_POOL_FLOWS4, s->flows_max);
	struct nat_flow4 *flow = number != 0 ? flow_get(number) : NULL;
	if (flow == NULL) {
		return NAT_C_DROP_TABLE_FULL;
	}
	begin_fill(flow, o, s->rules_gen);
	int decision = begin_publish(o, flow, number);
	if (decision != OPEN_GO) {
		flow->life = NAT_DEAD; /* the sweep gives its number back */
		return decision;
	}
	*ret = number;
	return OPEN_GO;
}

/* Gives back what has been taken for a flow that does not come to be. */
static __always_inline void begin_undo(struct opening *o)
{
	if (o->mapping != 0) {
		mapping_drop(o->mapping, o->q.now);
	}
	struct nat_host *host = o->counted ? host_get4(o->host) : NULL;
	if (host != NULL) {
		host_untake(host);
	}
}

/* Where its mapping was not taken anew, the host has not been asked yet. */
static __always_inline bool begin_count(struct opening *o)
{
	if (o->host == 0 || o->counted) {
		return true;
	}
	struct nat_host *host = host_of4(o->host);
	o->counted = host != NULL && host_take(host, o->q.now);
	return o->counted;
}

/* The record's number, or 0 with the reason in o->why. */
__noinline __u32 begin(struct opening *o)
{
	if (o == NULL) {
		return 0;
	}
	/* Nothing is kept for a packet that ends here (the first of a traceroute). */
	if (o->ttl <= 1 && (o->flags & NAT_FLOW_GATEWAY) == 0) {
		begin_undo(o);
		o->why = OPEN_TTL;
		return 0;
	}
	__u32 number = 0;
	if (!begin_count(o)) {
		begin_undo(o);
		o->why = NAT_C_DROP_HOST_FULL;
		return 0;
	}
	o->why = begin_record(o, &number);
	if (o->why != OPEN_GO) {
		begin_undo(o);
		return 0;
	}
	count(NAT_C_FLOWS_BEGUN);
	if (event_flow(NAT_EVENT_FLOW_BEGUN, number, o->log) != 0) {
		struct nat_flow4 *flow = flow_get(number);
		if (flow != NULL) {
			flow->flags |= NAT_FLOW_LOGGED;
		}
	}
	return number;
}

/* The originator's leg of the flow that has just begun; NULL: none came to be. */
static __always_inline struct nat_leg4 *begin_leg_of(__u32 number)
{
	const struct nat_flow4 *flow = number != 0 ? flow_get(number) : NULL;
	return flow != NULL ? flow_leg(flow, 0) : NULL;
}

#endif
