/* The sweep: a timer in the kernel that walks over a slice of the tables at a time, ends what has
 * been idle for too long, and gives numbers back. It needs nobody to go on.
 */
#ifndef NAT_BPF_SWEEP_H
#define NAT_BPF_SWEEP_H

#include "service/nat/bpf/end.h"

#define CLOCK_MONOTONIC 1

/* A number is given again only when nobody can still hold it who found it in the index: 1 s, where
 * a program runs for microseconds. */
#define SWEEP_DEAD_TICKS 8
/* 120 s (RFC 6888 REQ-8), rounded up. */
#define SWEEP_REST_TICKS 895
#define SWEEP_N_MAX	 (1u << 16)
/* What a turn may do, where all flows end at once: packets of others wait for it on this processor.
 * What is left is done soon. An end takes 2 us, a number that is given back a fraction of that. */
#define SWEEP_WORK    1024
#define SWEEP_END     8
#define SWEEP_GIVE    1
#define SWEEP_SOON_NS 100000
/* Hosts without a flow are forgotten after so many ticks (5 minutes), looked for every minute. */
#define SWEEP_HOST_TICKS  2235
#define SWEEP_HOSTS_EVERY 447

struct sweep {
	struct bpf_timer timer;
	__u32 flow, mapping; /* the next ones */
	__u32 hosts;	     /* tick when these were looked at */
	__u32 turns;	     /* so that somebody can see that it goes on */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sweep);
} sweeps SEC(".maps");

struct sweep_slice {
	__u32 at, top; /* numbers from 1 to top have been used */
	__u32 now;
	__u32 left; /* of SWEEP_WORK */
};

/* 1: no more in this turn. */
static __always_inline long sweep_worked(__u32 *left, __u32 work)
{
	*left = *left > work ? *left - work : 0;
	return *left == 0;
}

static __always_inline __u32 sweep_next(struct sweep_slice *slice)
{
	__u32 number = slice->at == 0 || slice->at > slice->top ? 1 : slice->at;
	slice->at = number + 1;
	return number;
}

/* Somebody outside began it, by a mapping that is not open to him any more: a port that was closed
 * is closed for those too who go on sending. */
static __always_inline bool sweep_uninvited(const struct nat_flow4 *flow)
{
	if ((flow->flags & (NAT_FLOW_FORWARD | NAT_FLOW_HAIRPIN)) != NAT_FLOW_FORWARD ||
	    flow->mapping == 0) {
		return false;
	}
	const struct nat_mapping4 *mapping = mapping_get(flow->mapping);
	return mapping != NULL && !mapping_is_open(mapping);
}

/* The record learns from its legs when the last packet came. */
static __always_inline void sweep_hear(struct nat_flow4 *flow)
{
	for (int side = 0; side < 2; side++) {
		const struct nat_leg4 *leg = flow_leg(flow, side);
		if (leg != NULL && (__s32)(leg->seen - flow->seen) > 0) {
			flow->seen = leg->seen;
		}
	}
}

/* Below 0 when a packet has come since we looked at the clock. */
static __always_inline bool sweep_is_over(const struct nat_flow4 *flow,
					  const struct nat_settings *s, __u32 now)
{
	__s32 age = (__s32)(now - flow->seen);
	__u32 idle = flow->idle;
	return idle < NAT_IDLE_N && age >= 0 && (__u32)age >= s->idle[idle];
}

static long sweep_flow(__u32 i, struct sweep_slice *slice)
{
	(void)i;
	__u32 number = sweep_next(slice);
	struct nat_flow4 *flow = flow_get(number);
	const struct nat_settings *s = settings_get();
	if (flow == NULL || s == NULL) {
		return 1;
	}
	bool over = flow->life == NAT_LIVE && sweep_is_over(flow, s, slice->now);
	if (over) {
		sweep_hear(flow);
		over = sweep_is_over(flow, s, slice->now);
	}
	if (flow->life == NAT_LIVE &&
	    (over || (flow->flags & NAT_FLOW_END) != 0 || sweep_uninvited(flow))) {
		end(number, slice->now);
		return sweep_worked(&slice->left, SWEEP_END);
	}
	if (flow->life == NAT_DEAD && (__s32)(slice->now - flow->seen) >= SWEEP_DEAD_TICKS) {
		flow->life = NAT_FREE;
		if (!pool_give(NAT_POOL_FLOWS4, number)) {
			flow->life = NAT_DEAD;
		}
		return sweep_worked(&slice->left, SWEEP_GIVE);
	}
	return 0;
}

/* Whoever held it without a flow (PCP) has not said again that he needs it. */
static __always_inline void sweep_held(struct nat_mapping4 *mapping, __u32 number, __u32 now)
{
	if ((mapping->flags & NAT_MAPPING_HELD) == 0 || mapping->until == 0 ||
	    (__s32)(now - mapping->until) < 0) {
		return;
	}
	mapping->flags &= ~(NAT_MAPPING_HELD | NAT_MAPPING_OPEN);
	mapping->filter = 0;
	struct nat_host *host = host_get4(mapping->in.src);
	if (host != NULL) {
		host_give(host);
	}
	mapping_drop(number, now);
}

/* Whether its number may be given again; a port that has rested long enough is free before that. */
static __always_inline bool sweep_rested(const struct nat_mapping4 *mapping, __u32 number,
					 __u32 now)
{
	bool rests = (mapping->flags & NAT_MAPPING_RESTS) != 0;
	if ((__s32)(now - mapping->seen) < (rests ? SWEEP_REST_TICKS : SWEEP_DEAD_TICKS)) {
		return false;
	}
	if (rests) {
		port_give(mapping->public_slot, NAT_SPACE_UDP, bpf_ntohs(mapping->port), number);
	}
	return true;
}

static long sweep_mapping(__u32 i, struct sweep_slice *slice)
{
	(void)i;
	__u32 number = sweep_next(slice);
	struct nat_mapping4 *mapping = mapping_get(number);
	if (mapping == NULL) {
		return 1;
	}
	if (mapping->life == NAT_LIVE) {
		sweep_held(mapping, number, slice->now);
	} else if (mapping->life == NAT_DEAD && sweep_rested(mapping, number, slice->now)) {
		mapping->life = NAT_FREE;
		if (!pool_give(NAT_POOL_MAPPINGS4, number)) {
			mapping->life = NAT_DEAD;
		}
		return sweep_worked(&slice->left, SWEEP_GIVE);
	}
	return 0;
}

static long sweep_host(void *map, const struct nat_host_key *key, struct nat_host *host,
		       struct sweep_slice *slice)
{
	if (host->flows != 0 || (host->flags & NAT_HOST_CONFIGURED) != 0 ||
	    (__s32)(slice->now - host->seen) < SWEEP_HOST_TICKS) {
		return 0;
	}
	block_end(key, host);
	bpf_map_delete_elem(map, key);
	return 0;
}

static __always_inline __u32 sweep_slice_of(struct sweep_slice *slice, enum nat_pool_of of,
					    __u32 at, __u32 n)
{
	const struct nat_pool *pool = pool_get(of);
	slice->at = at;
	slice->left = SWEEP_WORK;
	slice->top = pool != NULL ? pool->fresh : 0;
	n = n < slice->top ? n : slice->top;
	return n < SWEEP_N_MAX ? n : SWEEP_N_MAX;
}

static int sweep_turn(void *map, __u32 *key, struct sweep *sweep)
{
	(void)map;
	(void)key;
	const struct nat_settings *s = settings_get();
	struct sweep_slice slice = {.now = tick_now()};
	if (s == NULL) {
		return 0;
	}
	__u32 n = sweep_slice_of(&slice, NAT_POOL_FLOWS4, sweep->flow, s->sweep_n);
	bpf_loop(n, sweep_flow, &slice, 0);
	sweep->flow = slice.at;
	bool soon = slice.left == 0;
	n = sweep_slice_of(&slice, NAT_POOL_MAPPINGS4, sweep->mapping, s->sweep_n);
	bpf_loop(n, sweep_mapping, &slice, 0);
	sweep->mapping = slice.at;
	if (slice.now - sweep->hosts >= SWEEP_HOSTS_EVERY) {
		sweep->hosts = slice.now;
		bpf_for_each_map_elem(&hosts, sweep_host, &slice, 0);
	}
	sweep->turns++;
	soon = soon || slice.left == 0;
	bpf_timer_start(&sweep->timer, soon ? SWEEP_SOON_NS : s->sweep_ns, 0);
	return 0;
}

#endif
