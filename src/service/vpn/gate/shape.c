#include "service/vpn/gate/shape.h"

#include "base/err.h"

#define NS_PER_S  1000000000u
#define NS_PER_MS 1000000u

/* How long len octets take at the rate; rate 0 has no such time. */
static uint64_t drain_ns(uint64_t rate, uint64_t len)
{
	/* SHAPE_RATE_MAX / 8 octets times a second in ns pass 64 bits. */
	return (uint64_t)((unsigned __int128)len * NS_PER_S / rate);
}

void shape_change(struct shape *s, uint64_t rate)
{
	ASSERT(rate == 0 || (rate >= SHAPE_RATE_MIN && rate <= SHAPE_RATE_MAX));
	uint64_t burst = rate / 8 > SHAPE_BURST_MIN ? rate / 8 : SHAPE_BURST_MIN;
	s->rate = rate;
	s->window_ns = rate ? drain_ns(rate, burst) : 0;
}

void shape_init(struct shape *s, uint64_t rate)
{
	atomic_store_explicit(&s->due_ns, 0, memory_order_relaxed);
	shape_change(s, rate);
}

/* The bucket as one number: the time at which all that was taken has drained at the rate. It is
 * empty when that is a window away; a full one has its time in the past. */
bool shape_take_limited(struct shape *s, size_t len, uint64_t now_ms)
{
	uint64_t now_ns = now_ms * NS_PER_MS;
	uint64_t cost_ns = drain_ns(s->rate, len);
	uint64_t due_ns = atomic_load_explicit(&s->due_ns, memory_order_relaxed), next_ns;
	do {
		next_ns = (due_ns > now_ns ? due_ns : now_ns) + cost_ns;
		if (next_ns > now_ns + s->window_ns)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&s->due_ns, &due_ns, next_ns, memory_order_relaxed, memory_order_relaxed));
	return true;
}
