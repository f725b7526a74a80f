#include "service/reverse-proxy/balance/outlier.h"

enum { RATE_ONE = 10000, DOUBLINGS_MAX = 16 };

static bool is_ejected(const struct backend *b, uint64_t now_ms)
{
	return atomic_load_explicit(&b->ejected_until_ms, memory_order_relaxed) > now_ms;
}

static size_t ejected(const struct pool *p, uint64_t now_ms)
{
	size_t n = 0;
	for (size_t i = 0; i < p->members_n; i++)
		n += is_ejected(p->members[i].backend, now_ms);
	return n;
}

/* Two workers that eject at once may both find the share too large, and both take it back: better
 * than both finding room for one. */
static void eject(const struct pool *p, struct backend *b, uint64_t now_ms)
{
	const struct pool_outlier *o = &p->policy.outlier;
	unsigned before = atomic_load(&b->ejections);
	if (!o->eject_ms || is_ejected(b, now_ms))
		return;
	uint64_t time_ms = o->eject_ms << (before < DOUBLINGS_MAX ? before : DOUBLINGS_MAX);
	if (time_ms > o->eject_max_ms)
		time_ms = o->eject_max_ms > o->eject_ms ? o->eject_max_ms : o->eject_ms;
	atomic_store(&b->ejected_until_ms, now_ms + time_ms);
	if (ejected(p, now_ms) * 100 > p->members_n * o->eject_max_pct) {
		atomic_store(&b->ejected_until_ms, 0);
		atomic_fetch_add_explicit(&p->state->ejections_spared, 1, memory_order_relaxed);
		return;
	}
	atomic_fetch_add(&b->ejections, 1);
	atomic_fetch_add_explicit(&b->ejected_n, 1, memory_order_relaxed);
}

void outlier_report(const struct pool *p, const struct pool_member *m, uint64_t now_ms, bool failed)
{
	struct backend *b = m->backend;
	const struct pool_outlier *o = &p->policy.outlier;
	if (o->interval_ms) {
		atomic_fetch_add_explicit(&b->interval_requests, 1, memory_order_relaxed);
		if (failed)
			atomic_fetch_add_explicit(&b->interval_failures, 1, memory_order_relaxed);
	}
	if (!failed) {
		if (atomic_load_explicit(&b->failures_in_a_row, memory_order_relaxed))
			atomic_store_explicit(&b->failures_in_a_row, 0, memory_order_relaxed);
		return;
	}
	unsigned row = atomic_fetch_add(&b->failures_in_a_row, 1) + 1;
	if (!o->failures || row < o->failures)
		return;
	atomic_store(&b->failures_in_a_row, 0);
	eject(p, b, now_ms);
}

/* --- beside the others ------------------------------------------------------------------------ */

/* Shares of successes in RATE_ONE, and SIZE_MAX for those with too few requests to be judged. */
struct rates {
	uint32_t items[POOL_MEMBERS_MAX];
	uint64_t n, sum, squares;
};

static void read_rates(const struct pool *p, struct rates *ret)
{
	*ret = (struct rates){0};
	for (size_t i = 0; i < p->members_n; i++) {
		struct backend *b = p->members[i].backend;
		uint64_t requests = atomic_exchange(&b->interval_requests, 0);
		uint64_t failures = atomic_exchange(&b->interval_failures, 0);
		ret->items[i] = UINT32_MAX;
		if (requests == 0 || requests < p->policy.outlier.interval_requests)
			continue;
		failures = failures < requests ? failures : requests;
		uint64_t rate = (requests - failures) * RATE_ONE / requests;
		ret->items[i] = (uint32_t)rate;
		ret->n++;
		ret->sum += rate;
		ret->squares += rate * rate;
	}
}

/* rate < mean - deviations * sigma, without a root: both sides squared. */
static bool is_outlier(const struct pool_outlier *o, const struct rates *r, uint64_t rate)
{
	uint64_t mean = r->sum / r->n;
	uint64_t variance = r->squares / r->n - mean * mean;
	if (rate >= mean)
		return false;
	uint64_t below = mean - rate, factor = o->deviations_tenths;
	return below * below * 100 > factor * factor * variance;
}

void pool_outliers_turn(const struct pool *p, uint64_t now_ms)
{
	const struct pool_outlier *o = &p->policy.outlier;
	for (size_t i = 0; i < p->members_n; i++) {
		struct backend *b = p->members[i].backend;
		unsigned ejections = atomic_load(&b->ejections);
		uint64_t until_ms = atomic_load(&b->ejected_until_ms);
		/* As long well as it was out: one ejection is forgiven. */
		if (ejections && now_ms > until_ms && now_ms - until_ms > o->eject_ms << 1)
			atomic_compare_exchange_strong(&b->ejections, &ejections, ejections - 1);
	}
	if (!o->interval_ms || now_ms < atomic_load(&p->state->compare_at_ms))
		return;
	atomic_store(&p->state->compare_at_ms, now_ms + o->interval_ms);
	struct rates r;
	read_rates(p, &r);
	/* Of two nobody can say which one is the odd one out. */
	for (size_t i = 0; r.n >= 3 && i < p->members_n; i++)
		if (r.items[i] != UINT32_MAX && is_outlier(o, &r, r.items[i]))
			eject(p, p->members[i].backend, now_ms);
}
