#include "service/reverse-proxy/balance/breaker.h"

enum {
	STEP_SHIFT = 6,	   /* the window's beginning is kept in units of 64 ms */
	COUNT_MAX = 65535, /* of a window: counts stop there */
	OPENS_MAX = 5,	   /* doublings of the time that it stays open */
};

/* What lies in backend.breaker; all zeros: closed. */
struct breaker {
	enum backend_breaker state;
	unsigned taken, good; /* probes under way or over; those that went well */
	unsigned opens;	      /* in a row */
	uint64_t until_ms;    /* open until then */
};

static struct breaker unpack(uint64_t v)
{
	return (struct breaker){.state = (enum backend_breaker)(v & 3),
				.taken = (unsigned)(v >> 2) & 255,
				.good = (unsigned)(v >> 10) & 255,
				.opens = (unsigned)(v >> 18) & 63,
				.until_ms = v >> 24};
}

static uint64_t pack(struct breaker b)
{
	return (uint64_t)b.state | (uint64_t)b.taken << 2 | (uint64_t)b.good << 10 |
	       (uint64_t)b.opens << 18 | b.until_ms << 24;
}

static struct breaker opened(struct breaker b, const struct pool_breaker *policy, uint64_t now_ms)
{
	return (struct breaker){.state = BACKEND_BREAKER_OPEN,
				.opens = b.opens < OPENS_MAX ? b.opens + 1 : OPENS_MAX,
				.until_ms = now_ms + (policy->open_ms << b.opens)};
}

static bool lets(struct breaker k, const struct pool_breaker *policy, uint64_t now_ms)
{
	switch (k.state) {
	case BACKEND_BREAKER_OPEN: return now_ms >= k.until_ms;
	case BACKEND_BREAKER_HALF_OPEN: return k.taken < policy->probes;
	case BACKEND_BREAKER_CLOSED: break;
	}
	return true;
}

bool breaker_lets(const struct backend *b, const struct pool_breaker *policy, uint64_t now_ms)
{
	uint64_t v = atomic_load_explicit(&b->breaker, memory_order_relaxed);
	return lets(unpack(v), policy, now_ms);
}

bool breaker_take(struct backend *b, const struct pool_breaker *policy, uint64_t now_ms,
		  bool *ret_probe)
{
	uint64_t old = atomic_load_explicit(&b->breaker, memory_order_relaxed);
	struct breaker k;
	do {
		k = unpack(old);
		*ret_probe = k.state != BACKEND_BREAKER_CLOSED;
		if (!*ret_probe)
			return true;
		if (!lets(k, policy, now_ms))
			return false;
		if (k.state == BACKEND_BREAKER_OPEN) {
			k.state = BACKEND_BREAKER_HALF_OPEN;
			k.taken = k.good = 0;
		}
		k.taken++;
	} while (!atomic_compare_exchange_weak(&b->breaker, &old, pack(k)));
	return true;
}

/* --- reports ---------------------------------------------------------------------------------- */

static void report_probe(struct backend *b, const struct pool_breaker *policy, uint64_t now_ms,
			 enum breaker_word word)
{
	uint64_t old = atomic_load(&b->breaker);
	struct breaker k;
	do {
		k = unpack(old);
		if (k.state != BACKEND_BREAKER_HALF_OPEN)
			return; /* another probe has decided */
		if (word == BREAKER_FAILED)
			k = opened(k, policy, now_ms);
		else if (word == BREAKER_ABANDONED)
			k.taken -= k.taken > 0;
		else if (++k.good >= policy->probes)
			k = (struct breaker){0};
	} while (!atomic_compare_exchange_weak(&b->breaker, &old, pack(k)));
	if (k.state == BACKEND_BREAKER_OPEN)
		atomic_fetch_add_explicit(&b->opened_n, 1, memory_order_relaxed);
	if (k.state == BACKEND_BREAKER_CLOSED)
		atomic_store(&b->window, 0);
}

/* Adds one to the window, which begins anew when its time is over; true: too many of it failed. */
static bool count(struct backend *b, const struct pool_breaker *policy, uint64_t now_ms,
		  bool failed)
{
	uint64_t old = atomic_load_explicit(&b->window, memory_order_relaxed), next;
	uint64_t now = now_ms >> STEP_SHIFT & UINT32_MAX, requests, failures;
	do {
		uint64_t since = old >> 32;
		bool over = now - since > policy->window_ms >> STEP_SHIFT;
		requests = over ? 0 : old >> 16 & COUNT_MAX;
		failures = over ? 0 : old & COUNT_MAX;
		requests += requests < COUNT_MAX;
		failures += failed && failures < COUNT_MAX;
		next = (over ? now : since) << 32 | requests << 16 | failures;
	} while (!atomic_compare_exchange_weak_explicit(
		&b->window, &old, next, memory_order_relaxed, memory_order_relaxed));
	return failed && requests >= policy->requests_min &&
	       failures * 100 >= requests * policy->failure_pct;
}

void breaker_report(struct backend *b, const struct pool_breaker *policy, uint64_t now_ms,
		    bool probe, enum breaker_word word)
{
	if (probe) {
		report_probe(b, policy, now_ms, word);
		return;
	}
	if (!policy->failure_pct || word == BREAKER_ABANDONED)
		return;
	uint64_t closed = atomic_load_explicit(&b->breaker, memory_order_relaxed);
	if (closed != 0 || !count(b, policy, now_ms, word == BREAKER_FAILED))
		return;
	if (atomic_compare_exchange_strong(&b->breaker, &closed,
					   pack(opened((struct breaker){0}, policy, now_ms)))) {
		atomic_store(&b->window, 0);
		atomic_fetch_add_explicit(&b->opened_n, 1, memory_order_relaxed);
	}
}

enum backend_breaker breaker_state(const struct backend *b, uint64_t now_ms)
{
	struct breaker k = unpack(atomic_load_explicit(&b->breaker, memory_order_relaxed));
	bool over = k.state == BACKEND_BREAKER_OPEN && now_ms >= k.until_ms;
	return over ? BACKEND_BREAKER_HALF_OPEN : k.state;
}
