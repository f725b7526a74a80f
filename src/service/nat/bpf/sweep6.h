/* The end of silent flows of IPv6, by a timer in the kernel that goes on while the service is down.
 * Knows no packet.
 *
 * It is started by whoever begins a flow and finds it idle, so that there is no flow without it.
 */
#ifndef NAT_BPF_SWEEP6_H
#define NAT_BPF_SWEEP6_H

#include "service/nat/bpf/begin6.h"
#include "service/nat/bpf/sweep.h"

struct sweep6 {
	struct bpf_timer timer;
	__u32 flow, mapping; /* where it stands */
	__u32 turned;	     /* tick of its last turn */
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sweep6);
} sweeps6 SEC(".maps");

enum {
	SWEEP6_N = 512, /* flows in a turn when settings do not say */
	SWEEP6_NS = 20000000,
	SWEEP6_LATE = 60, /* ticks after which it is thought to have stopped */
};

static __always_inline void sweep6_flow(__u32 number, __u32 *left)
{
	struct nat_flow6 *flow = flow6_get(number);
	const struct nat_settings *s = settings_get();
	if (flow == NULL || s == NULL) {
		return;
	}
	if (flow->life == NAT_LIVE) {
		__u32 idle = flow->idle < NAT_IDLE_N ? s->idle[flow->idle] : 0;
		if ((__s32)(tick_now() - flow->seen) > (__s32)idle ||
		    (flow->flags & NAT_FLOW_END) != 0) {
			flow6_end(number);
			sweep_worked(left, SWEEP_END);
		}
	} else if (flow->life == NAT_DEAD && (__s32)(tick_now() - flow->seen) >= SWEEP_DEAD_TICKS) {
		flow->life = NAT_FREE;
		if (!pool_give(NAT_POOL_FLOWS6, number)) {
			flow->life = NAT_DEAD; /* the next time */
		}
		sweep_worked(left, SWEEP_GIVE);
	}
}

static __always_inline void sweep6_mapping(__u32 number)
{
	struct nat_mapping6 *mapping = mapping6_get(number);
	if (mapping != NULL && mapping->life == NAT_DEAD &&
	    (__s32)(tick_now() - mapping->seen) >= SWEEP_DEAD_TICKS) {
		mapping->life = NAT_FREE;
		if (!pool_give(NAT_POOL_MAPPINGS6, number)) {
			mapping->life = NAT_DEAD;
		}
	}
}

/* The number after at; 1 after the last that was ever used. */
static __always_inline __u32 sweep6_after(__u32 at, __u32 which)
{
	const struct nat_pool *pool = bpf_map_lookup_elem(&pools, &which);
	return pool != NULL && at < pool->fresh ? at + 1 : 1;
}

struct sweep6_at {
	__u32 flow, mapping;
	__u32 left; /* of SWEEP_WORK */
};

static long sweep6_one(__u32 i, struct sweep6_at *sweep)
{
	(void)i;
	sweep->flow = sweep6_after(sweep->flow, NAT_POOL_FLOWS6);
	sweep6_flow(sweep->flow, &sweep->left);
	sweep->mapping = sweep6_after(sweep->mapping, NAT_POOL_MAPPINGS6);
	sweep6_mapping(sweep->mapping);
	return sweep->left == 0;
}

/* As many as settings say, and none twice. */
static __always_inline __u32 sweep6_n(void)
{
	const struct nat_settings *s = settings_get();
	__u32 at = NAT_POOL_FLOWS6;
	const struct nat_pool *pool = bpf_map_lookup_elem(&pools, &at);
	__u32 n = s != NULL && s->sweep_n != 0 ? s->sweep_n : SWEEP6_N;
	return pool != NULL && pool->fresh < n ? pool->fresh : n;
}

static int sweep6_turn(void *map, __u32 *key, struct sweep6 *sweep)
{
	const struct nat_settings *s = settings_get();
	(void)map;
	(void)key;
	struct sweep6_at at = {sweep->flow, sweep->mapping, SWEEP_WORK};
	__u64 next = s != NULL && s->sweep_ns != 0 ? s->sweep_ns : SWEEP6_NS;
	bpf_loop(sweep6_n(), sweep6_one, &at, 0);
	sweep->flow = at.flow;
	sweep->mapping = at.mapping;
	sweep->turned = tick_now();
	bpf_timer_start(&sweep->timer, at.left == 0 ? SWEEP_SOON_NS : next, 0);
	return 0;
}

/* Starts it unless it goes; anyway: it goes on with this object's program. 0, or it cannot. */
__noinline int sweep6_start(bool anyway)
{
	__u32 zero = 0, now = tick_now();
	struct sweep6 *sweep = bpf_map_lookup_elem(&sweeps6, &zero);
	if (sweep == NULL ||
	    (!anyway && sweep->turned != 0 && (__s32)(now - sweep->turned) < SWEEP6_LATE)) {
		return sweep == NULL;
	}
	sweep->turned = now | 1;
	bpf_timer_init(&sweep->timer, &sweeps6, CLOCK_MONOTONIC);
	if (bpf_timer_set_callback(&sweep->timer, sweep6_turn) != 0) {
		return 1;
	}
	return bpf_timer_start(&sweep->timer, 0, 0) != 0;
}

#endif
