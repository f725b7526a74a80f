#include "service/forward-proxy/upstream_health.h"

#include <stdlib.h>
#include <string.h>

enum { LATENCY_PARTS = 8 }; /* an answer is so much of the mean of the last ones */

static uint64_t load(const atomic_uint_fast64_t *at)
{
	return atomic_load_explicit(at, memory_order_relaxed);
}

static void add(atomic_uint_fast64_t *at)
{
	(void)atomic_fetch_add_explicit(at, 1, memory_order_relaxed);
}

enum err upstream_health_new(const char *key, struct upstream_health **ret)
{
	struct upstream_health *h = calloc(1, sizeof(*h));
	if (h)
		h->key = strdup(key);
	if (!h || !h->key) {
		free(h);
		return (enum err)ENOMEM;
	}
	atomic_init(&h->refs, 1);
	*ret = h;
	return OK;
}

struct upstream_health *upstream_health_ref(struct upstream_health *h)
{
	(void)atomic_fetch_add_explicit(&h->refs, 1, memory_order_relaxed);
	return h;
}

void upstream_health_unref(struct upstream_health *h)
{
	if (!h || atomic_fetch_sub_explicit(&h->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(h->key);
	free(h);
}

bool upstream_health_is_up(const struct upstream_health *h, uint64_t now_ms)
{
	uint64_t until = load(&h->until_ms);
	return !until || until <= now_ms;
}

bool upstream_health_claim(struct upstream_health *h, uint64_t now_ms, uint64_t pause_ms)
{
	uint_fast64_t until = load(&h->until_ms);
	if (!until)
		return true;
	return until <= now_ms &&
	       atomic_compare_exchange_strong(&h->until_ms, &until, now_ms + pause_ms);
}

unsigned upstream_health_turn(struct upstream_health *h)
{
	return atomic_fetch_add_explicit(&h->turn, 1, memory_order_relaxed);
}

void upstream_health_asked(struct upstream_health *h)
{
	add(&h->requests);
}

void upstream_health_worked(struct upstream_health *h)
{
	if (load(&h->until_ms))
		atomic_store_explicit(&h->until_ms, 0, memory_order_relaxed);
}

void upstream_health_leads(struct upstream_health *h)
{
	if (!upstream_health_has_led(h))
		atomic_store_explicit(&h->led, true, memory_order_relaxed);
}

bool upstream_health_has_led(const struct upstream_health *h)
{
	return atomic_load_explicit(&h->led, memory_order_relaxed);
}

void upstream_health_begin_anew(struct upstream_health *h)
{
	atomic_store_explicit(&h->led, false, memory_order_relaxed);
}

void upstream_health_took(struct upstream_health *h, uint64_t us)
{
	uint64_t mean = load(&h->latency_us);
	/* Of two threads at once one may be lost: it is a mean. */
	mean = mean ? mean - mean / LATENCY_PARTS + us / LATENCY_PARTS : us;
	atomic_store_explicit(&h->latency_us, mean ? mean : 1, memory_order_relaxed);
}

void upstream_health_failed(struct upstream_health *h, const char *why, bool down, uint64_t now_ms,
			    uint64_t pause_ms)
{
	add(&h->errors);
	atomic_store_explicit(&h->fault, why, memory_order_relaxed);
	if (!down)
		return;
	if (!atomic_exchange_explicit(&h->until_ms, now_ms + pause_ms, memory_order_relaxed)) {
		atomic_store_explicit(&h->since_ms, now_ms, memory_order_relaxed);
		add(&h->downs);
	}
}
