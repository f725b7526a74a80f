/* A bandwidth limit: one token bucket, taken from by several threads at once, without a lock. Knows
 * neither packets nor peers, and delays nothing: who finds it empty drops. */
#ifndef VPN_GATE_SHAPE_H
#define VPN_GATE_SHAPE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest super-packet fits into any bucket. */
enum { SHAPE_BURST_MIN = 128 * 1024 };
/* 1 kbit/s to 1 Tbit/s, in octets. */
#define SHAPE_RATE_MIN 125u
#define SHAPE_RATE_MAX 125000000000u

/* Zeroed: no limit. */
struct shape {
	uint64_t rate;		 /* octets a second; 0: no limit */
	uint64_t window_ns;	 /* a full bucket lasts that long at the rate */
	_Atomic uint64_t due_ns; /* the virtual clock: when all that was taken has drained */
};

/* rate: octets a second, SHAPE_RATE_MIN to SHAPE_RATE_MAX, or 0. The bucket begins full, and holds
 * an eighth of a second of the rate, at least SHAPE_BURST_MIN. While no thread takes from it. */
void shape_init(struct shape *s, uint64_t rate);
/* The same for a bucket in use: what was taken counts on, so that a reload gives no second burst.
 */
void shape_change(struct shape *s, uint64_t rate);

/* False: not now. now_ms may lag behind another thread's. */
bool shape_take_limited(struct shape *s, size_t len, uint64_t now_ms);
static inline bool shape_take(struct shape *s, size_t len, uint64_t now_ms)
{
	return __builtin_expect(s->rate == 0, 1) || shape_take_limited(s, len, now_ms);
}

#endif
