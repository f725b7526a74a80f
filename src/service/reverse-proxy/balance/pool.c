#include "service/reverse-proxy/balance/pool.h"

#include "service/reverse-proxy/balance/breaker.h"
#include "service/reverse-proxy/balance/outlier.h"
#include "service/reverse-proxy/balance/tier.h"

#include <stdlib.h>

#define MEMORY_MAX ((size_t)64 << 20)

/* --- making ----------------------------------------------------------------------------------- */

static enum err copy_text(struct pool *p, const char **text)
{
	if (*text)
		*text = arena_copy(&p->memory, span_text(*text));
	return OK;
}

static enum err copy_policy(struct pool *p, const struct pool_policy *policy)
{
	p->policy = *policy;
	TRY(copy_text(p, &p->policy.hash_name));
	TRY(copy_text(p, &p->policy.sticky.cookie));
	bool failed = (policy->hash_name && !p->policy.hash_name) ||
		      (policy->sticky.cookie && !p->policy.sticky.cookie);
	return failed ? ENOMEM : OK;
}

static bool is_there(const struct pool *p, const struct backend *b)
{
	for (size_t i = 0; i < p->members_n; i++)
		if (p->members[i].backend == b)
			return true;
	return false;
}

static enum err copy_members(struct pool *p, const struct pool_member *members, size_t n)
{
	p->members = ARENA_ARRAY(&p->memory, struct pool_member, n);
	if (!p->members)
		return ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (is_there(p, members[i].backend))
			continue;
		ASSERT(members[i].weight && members[i].weight <= POOL_WEIGHT_MAX);
		struct pool_member m = members[i];
		m.name = arena_copy(&p->memory, span_text(m.name ? m.name : ""));
		TRY(copy_text(p, &m.host));
		if (!m.name || (members[i].host && !m.host))
			return ENOMEM;
		backend_ref(m.backend);
		p->members[p->members_n++] = m;
	}
	return OK;
}

/* The next level above `from`; false: there is none. */
static bool next_level(const struct pool *p, uint32_t from, uint16_t *ret)
{
	uint32_t found = UINT32_MAX;
	for (size_t i = 0; i < p->members_n; i++)
		if (p->members[i].level >= from && p->members[i].level < found)
			found = p->members[i].level;
	if (found == UINT32_MAX)
		return false;
	*ret = (uint16_t)found;
	return true;
}

/* Is a part of the level, and not all of it, in our zone? */
static bool has_zone(const struct pool *p, uint16_t level)
{
	bool own = false, other = false;
	for (size_t i = 0; i < p->members_n; i++) {
		own |= p->members[i].level == level && p->members[i].own_zone;
		other |= p->members[i].level == level && !p->members[i].own_zone;
	}
	return own && other;
}

static enum err make_tiers(struct pool *p)
{
	uint16_t level;
	p->tiers = ARENA_ARRAY(&p->memory, struct pool_tier, p->members_n * 2);
	if (!p->tiers)
		return ENOMEM;
	for (uint32_t from = 0; next_level(p, from, &level); from = level + 1U) {
		bool zone = p->policy.zone_min_pct && has_zone(p, level);
		for (int part = zone ? 0 : 1; part < 2; part++) {
			struct pool_tier *t = &p->tiers[p->tiers_n];
			t->level = level;
			t->zone = part == 0;
			TRY(tier_init(t, p));
			p->tiers_n++;
		}
	}
	return OK;
}

enum err pool_new(struct pool_state *state, const struct pool_policy *policy,
		  const struct pool_member *members, size_t members_n, struct pool **ret)
{
	if (members_n > POOL_MEMBERS_MAX)
		return ERR_LIMIT;
	struct pool *p = calloc(1, sizeof(*p));
	if (!p)
		return ENOMEM;
	atomic_init(&p->refs, 1);
	p->state = pool_state_ref(state);
	arena_init(&p->memory, MEMORY_MAX);
	enum err e = copy_policy(p, policy);
	if (!e)
		e = copy_members(p, members, members_n);
	if (!e)
		e = make_tiers(p);
	if (e)
		pool_unref(TAKE(p));
	else
		*ret = p;
	return e;
}

struct pool *pool_ref(struct pool *p)
{
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

void pool_unref(struct pool *p)
{
	if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < p->members_n; i++)
		backend_unref(p->members[i].backend);
	pool_state_unref(p->state);
	arena_done(&p->memory);
	free(p);
}

uint64_t pool_hash(struct span bytes)
{
	return siphash13_of((struct hash_key){0}, bytes.data, bytes.len);
}

/* --- afterwards ------------------------------------------------------------------------------- */

static bool is_failure(const struct pool_result *r)
{
	switch (r->kind) {
	case POOL_RESULT_ANSWERED: return r->status >= 502 && r->status <= 504;
	case POOL_RESULT_CONNECT_FAILED:
	case POOL_RESULT_RESET:
	case POOL_RESULT_TIMEOUT: return true;
	case POOL_RESULT_ABANDONED: break;
	}
	return false;
}

static void add(_Atomic uint64_t *counter, uint64_t n)
{
	if (n)
		atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static void count(struct backend *b, uint64_t now_ms, const struct pool_result *r)
{
	unsigned class = r->status / 100;
	switch (r->kind) {
	case POOL_RESULT_ANSWERED: add(&b->answers[class < 6 ? class : 0], 1); break;
	case POOL_RESULT_CONNECT_FAILED: add(&b->connect_errors, 1); break;
	case POOL_RESULT_RESET: add(&b->resets, 1); break;
	case POOL_RESULT_TIMEOUT: add(&b->timeouts, 1); break;
	case POOL_RESULT_ABANDONED: break;
	}
	add(&b->bytes_in, r->bytes_in);
	add(&b->bytes_out, r->bytes_out);
	if (!r->latency_us || r->kind != POOL_RESULT_ANSWERED)
		return;
	backend_latency_add(b, now_ms, r->latency_us);
	atomic_fetch_add_explicit(&b->times[backend_time_class(r->latency_us)], 1,
				  memory_order_relaxed);
}

void pool_done(const struct pool *p, const struct pool_place *place, uint64_t now_ms,
	       const struct pool_result *result)
{
	struct backend *b = place->member->backend;
	bool failed = is_failure(result), abandoned = result->kind == POOL_RESULT_ABANDONED;
	atomic_fetch_sub_explicit(&b->in_flight, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&p->state->in_flight, 1, memory_order_relaxed);
	if (place->again)
		atomic_fetch_sub_explicit(&p->state->retries_in_flight, 1, memory_order_relaxed);
	count(b, now_ms, result);
	breaker_report(b, &p->policy.breaker, now_ms, place->probe,
		       abandoned ? BREAKER_ABANDONED
		       : failed	 ? BREAKER_FAILED
				 : BREAKER_GOOD);
	if (!abandoned)
		outlier_report(p, place->member, now_ms, failed);
}

bool pool_may_retry(const struct pool *p, size_t tries)
{
	const struct pool_retry *r = &p->policy.retry;
	struct pool_state *s = p->state;
	if (tries >= r->tries_max)
		return false;
	uint64_t live = atomic_load_explicit(&s->in_flight, memory_order_relaxed);
	uint64_t again = atomic_load_explicit(&s->retries_in_flight, memory_order_relaxed);
	bool may = again * 100 < live * r->budget_pct + UINT64_C(100) * r->budget_min;
	if (!may)
		add(&s->retries_refused, 1);
	return may;
}
