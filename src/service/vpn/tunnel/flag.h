/* A lock for a few instructions, where two workers seldom meet. Knows neither fairness nor sleep:
 * nothing that waits may be done under it. */
#ifndef VPN_TUNNEL_FLAG_H
#define VPN_TUNNEL_FLAG_H

#include <stdatomic.h>

struct vpn_flag {
	atomic_flag taken; /* zeroed storage is one that is free */
};

static inline void vpn_flag_take(struct vpn_flag *f)
{
	while (atomic_flag_test_and_set_explicit(&f->taken, memory_order_acquire))
		;
}

static inline void vpn_flag_give(struct vpn_flag *f)
{
	atomic_flag_clear_explicit(&f->taken, memory_order_release);
}

#endif
