/* The choice among a pool's members. Whatever the way of choosing, candidates are judged alike, and
 * a place is taken before it is promised, so that no limit is passed by several workers at once. */
#include "service/reverse-proxy/balance/breaker.h"
#include "service/reverse-proxy/balance/tier.h"

enum {
	DRAWS = 8,	 /* at random, before all are looked at in turn */
	TURNS_LOOK = 64, /* likewise */
	RAMP_ONE = 256,
	RAMP_LEAST = RAMP_ONE / 10, /* of its weight when slow start begins */
};

enum judgement { OUT, FULL, WELL };

/* One pick under way. */
struct pick {
	const struct pool *pool;
	const struct pool_ask *ask;
	uint64_t random;
	bool again;    /* those that were tried are left out */
	bool blind;    /* fail-open: health is not looked at */
	bool saw_full; /* somebody well was full */
};

static uint64_t draw(struct pick *k)
{
	k->random += 0x9e3779b97f4a7c15;
	return tier_mix(k->random);
}

static bool was_tried(const struct pick *k, const struct backend *b)
{
	const struct pool_tried *t = k->ask->tried;
	for (size_t i = 0; i < t->n; i++)
		if (t->items[i] == b)
			return true;
	return false;
}

static bool is_well(const struct pool_member *m, const struct pool_policy *policy, uint64_t now_ms,
		    bool sticky)
{
	const struct backend *b = m->backend;
	if (backend_checked(b) == BACKEND_ILL)
		return false;
	if (!sticky && (m->draining || atomic_load_explicit(&b->drained, memory_order_relaxed)))
		return false;
	if (atomic_load_explicit(&b->ejected_until_ms, memory_order_relaxed) > now_ms)
		return false;
	return breaker_lets(b, &policy->breaker, now_ms);
}

static unsigned in_flight(const struct pool_member *m)
{
	return atomic_load_explicit(&m->backend->in_flight, memory_order_relaxed);
}

static enum judgement judge(struct pick *k, const struct pool_member *m)
{
	if (k->again && was_tried(k, m->backend))
		return OUT;
	if (!k->blind && !is_well(m, &k->pool->policy, k->ask->now_ms, false))
		return OUT;
	if (m->requests_max && in_flight(m) >= m->requests_max) {
		k->saw_full = true;
		return FULL;
	}
	return WELL;
}

/* How much of its weight it has by now, of RAMP_ONE. */
static unsigned ramp(const struct pick *k, const struct pool_member *m)
{
	uint64_t slow_ms = k->pool->policy.slow_start_ms, now_ms = k->ask->now_ms;
	if (!slow_ms)
		return RAMP_ONE;
	uint64_t since = atomic_load_explicit(&m->backend->up_since_ms, memory_order_relaxed);
	uint64_t back = atomic_load_explicit(&m->backend->ejected_until_ms, memory_order_relaxed);
	since = since > back ? since : back;
	if (!since || now_ms >= since + slow_ms)
		return RAMP_ONE;
	uint64_t done = now_ms > since ? (now_ms - since) * RAMP_ONE / slow_ms : 0;
	return done > RAMP_LEAST ? (unsigned)done : RAMP_LEAST;
}

/* In slow start a member is passed over, the more often the younger it is. */
static bool is_too_young(struct pick *k, const struct pool_member *m)
{
	unsigned r = ramp(k, m);
	return r < RAMP_ONE && draw(k) % RAMP_ONE >= r;
}

/* --- the ways --------------------------------------------------------------------------------- */

/* All of the tier from `start` on; those in slow start only when there is nobody else. */
static const struct pool_member *scan(struct pick *k, const struct pool_tier *t, size_t start)
{
	const struct pool_member *young = NULL;
	for (size_t i = 0; i < t->members_n; i++) {
		const struct pool_member *m =
			&k->pool->members[t->members[(start + i) % t->members_n]];
		if (judge(k, m) != WELL)
			continue;
		if (!is_too_young(k, m))
			return m;
		young = young ? young : m;
	}
	return young;
}

static const struct pool_member *choose_turn(struct pick *k, const struct pool_tier *t)
{
	size_t turn = atomic_fetch_add_explicit(&k->pool->state->turn, 1, memory_order_relaxed);
	for (size_t i = 0; i < TURNS_LOOK && i < t->turns_n; i++) {
		const struct pool_member *m = &k->pool->members[t->turns[(turn + i) % t->turns_n]];
		if (judge(k, m) == WELL && !is_too_young(k, m))
			return m;
	}
	return scan(k, t, turn);
}

static const struct pool_member *choose_random(struct pick *k, const struct pool_tier *t)
{
	for (int i = 0; i < DRAWS; i++) {
		const struct pool_member *m = &k->pool->members[t->turns[draw(k) % t->turns_n]];
		if (judge(k, m) == WELL && !is_too_young(k, m))
			return m;
	}
	return scan(k, t, draw(k) % t->members_n);
}

/* Below 0: a has less to do for its weight. */
static int compare_load(const struct pick *k, const struct pool_member *a,
			const struct pool_member *b)
{
	uint64_t x = (uint64_t)in_flight(a) * b->weight * ramp(k, b);
	uint64_t y = (uint64_t)in_flight(b) * a->weight * ramp(k, a);
	return x < y ? -1 : x > y;
}

/* Of equals the faster one, when it is so by half and by a millisecond: smaller differences come
 * and go, and must not leave a server without any request. */
static bool is_faster(const struct pick *k, const struct pool_member *a,
		      const struct pool_member *b)
{
	uint64_t x = backend_latency_us(a->backend, k->ask->now_ms);
	uint64_t y = backend_latency_us(b->backend, k->ask->now_ms);
	return x && y && x * 2 < y && x + 1000 < y;
}

static const struct pool_member *choose_two(struct pick *k, const struct pool_tier *t)
{
	const struct pool_member *a = choose_random(k, t);
	if (!a)
		return NULL;
	const struct pool_member *b = choose_random(k, t);
	for (int i = 0; b == a && i < DRAWS && t->members_n > 1; i++)
		b = choose_random(k, t);
	if (!b || a == b)
		return a;
	int load = compare_load(k, a, b);
	return load > 0 || (load == 0 && is_faster(k, b, a)) ? b : a;
}

/* Begins with the one whose turn it is, so that equals take turns by their weights. */
static const struct pool_member *choose_least(struct pick *k, const struct pool_tier *t)
{
	const struct pool_member *best = choose_turn(k, t);
	for (size_t i = 0; best && i < t->members_n; i++) {
		const struct pool_member *m = &k->pool->members[t->members[i]];
		if (compare_load(k, m, best) < 0 && judge(k, m) == WELL)
			best = m;
	}
	return best;
}

/* --- hash with bounded load: Mirrokni, Thorup, Zadimoghaddam, "Consistent Hashing with Bounded
 * Loads" ------------------------------------------------------------------------------------ */

struct shares {
	uint64_t load, weight; /* of those that are well, full ones among them */
};

static struct shares shares_of(struct pick *k, const struct pool_tier *t)
{
	struct shares s = {0};
	for (size_t i = 0; i < t->members_n; i++) {
		const struct pool_member *m = &k->pool->members[t->members[i]];
		if (judge(k, m) == OUT)
			continue;
		s.load += in_flight(m);
		s.weight += m->weight;
	}
	return s;
}

/* With one more, is it within its share of the whole, by the factor of the policy? */
static bool is_within(const struct pick *k, const struct shares *s, const struct pool_member *m)
{
	uint64_t limit = k->pool->policy.hash_load_pct * (s->load + 1) * m->weight;
	uint64_t whole = s->weight * 100;
	return in_flight(m) + 1 <= (limit + whole - 1) / whole;
}

static const struct pool_member *choose_hash(struct pick *k, const struct pool_tier *t)
{
	uint64_t seen[POOL_MEMBERS_MAX / 64] = {0};
	const struct pool_member *first = NULL;
	struct shares s = {0};
	size_t at = tier_point(t, k->ask->hash), left = t->members_n;
	for (size_t i = 0; left && i < t->points_n; i++) {
		uint16_t index = t->points[(at + i) % t->points_n].member;
		const struct pool_member *m = &k->pool->members[index];
		if (seen[index / 64] >> (index % 64) & 1)
			continue;
		seen[index / 64] |= UINT64_C(1) << (index % 64);
		left--;
		if (judge(k, m) != WELL)
			continue;
		if (!k->pool->policy.hash_load_pct || in_flight(m) == 0)
			return m;
		if (!s.weight)
			s = shares_of(k, t);
		if (is_within(k, &s, m))
			return m;
		first = first ? first : m;
	}
	return first;
}

static const struct pool_member *choose(struct pick *k, const struct pool_tier *t)
{
	switch (k->pool->policy.balance) {
	case POOL_ROUND_ROBIN: return choose_turn(k, t);
	case POOL_LEAST: return choose_least(k, t);
	case POOL_RANDOM: return choose_random(k, t);
	case POOL_HASH: return k->ask->has_hash ? choose_hash(k, t) : choose_two(k, t);
	case POOL_TWO_CHOICES: break;
	}
	return choose_two(k, t);
}

/* --- a place ---------------------------------------------------------------------------------- */

/* Another worker may have been faster: false then. */
static bool take(struct pick *k, const struct pool_member *m, struct pool_place *place)
{
	struct backend *b = m->backend;
	unsigned before = atomic_fetch_add_explicit(&b->in_flight, 1, memory_order_relaxed);
	bool probe = false;
	bool taken =
		(!m->requests_max || before < m->requests_max) &&
		(k->blind || breaker_take(b, &k->pool->policy.breaker, k->ask->now_ms, &probe));
	if (!taken)
		atomic_fetch_sub_explicit(&b->in_flight, 1, memory_order_relaxed);
	else
		*place = (struct pool_place){.member = m, .probe = probe, .fail_open = k->blind};
	return taken;
}

/* While at least this share of the level's members in our zone is well, the others are left alone.
 */
static bool zone_suffices(struct pick *k, const struct pool_tier *t)
{
	size_t well = 0;
	for (size_t i = 0; i < t->members_n; i++)
		well += is_well(&k->pool->members[t->members[i]], &k->pool->policy, k->ask->now_ms,
				false);
	return well * 100 >= t->members_n * k->pool->policy.zone_min_pct;
}

static enum pool_verdict pick_in(struct pick *k, const struct pool_tier *t,
				 struct pool_place *place)
{
	k->saw_full = false;
	for (int i = 0; i < DRAWS; i++) {
		const struct pool_member *m = choose(k, t);
		if (!m)
			break;
		if (take(k, m, place))
			return POOL_PICKED;
	}
	return k->saw_full ? POOL_FULL : POOL_NONE;
}

/* Levels in their order; one whose members are well but full is waited for. */
static enum pool_verdict pick_by_level(struct pick *k, struct pool_place *place)
{
	for (size_t i = 0; i < k->pool->tiers_n; i++) {
		const struct pool_tier *t = &k->pool->tiers[i];
		if (t->zone && !zone_suffices(k, t))
			continue;
		enum pool_verdict v = pick_in(k, t, place);
		if (v == POOL_PICKED || (v == POOL_FULL && !t->zone))
			return v;
		if (k->blind && !t->zone)
			break; /* back-up servers are no better than the first when none is well */
	}
	return POOL_NONE;
}

/* POOL_NONE: the cookie names nobody who is well. */
static enum pool_verdict pick_sticky(struct pick *k, struct pool_place *place)
{
	const struct pool *p = k->pool;
	for (size_t i = 0; i < p->members_n; i++) {
		const struct pool_member *m = &p->members[i];
		if (m->backend->id != k->ask->sticky_id)
			continue;
		if ((k->again && was_tried(k, m->backend)) ||
		    !is_well(m, &p->policy, k->ask->now_ms, true))
			break;
		return take(k, m, place) ? POOL_PICKED : POOL_FULL;
	}
	return POOL_NONE;
}

static enum pool_verdict pick_any(struct pick *k, struct pool_place *place)
{
	enum pool_verdict v = POOL_NONE;
	if (k->ask->sticky_id && k->pool->policy.sticky.cookie)
		v = pick_sticky(k, place);
	if (v == POOL_NONE)
		v = pick_by_level(k, place);
	if (v == POOL_NONE && k->again) {
		k->again = false;
		v = pick_by_level(k, place);
	}
	if (v == POOL_NONE && k->pool->policy.fail_open) {
		k->blind = true;
		v = pick_by_level(k, place);
	}
	return v;
}

static void add(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void note(struct pick *k, struct pool_place *place)
{
	struct pool_state *s = k->pool->state;
	struct backend *b = place->member->backend;
	struct pool_tried *tried = k->ask->tried;
	place->moved = k->pool->policy.sticky.cookie && b->id != k->ask->sticky_id;
	place->again = tried && tried->n > 0;
	if (place->again) {
		atomic_fetch_add_explicit(&s->retries_in_flight, 1, memory_order_relaxed);
		add(&s->retries);
		add(&b->retries);
	}
	if (tried && tried->n < POOL_TRIED_MAX)
		tried->items[tried->n++] = b;
	if (place->fail_open)
		add(&s->fail_open);
	add(&s->requests);
	add(&b->requests);
}

enum pool_verdict pool_pick(const struct pool *p, const struct pool_ask *ask,
			    struct pool_place *ret)
{
	struct pick k = {.pool = p,
			 .ask = ask,
			 .random = ask->random,
			 .again = ask->tried && ask->tried->n > 0};
	struct pool_state *s = p->state;
	unsigned before = atomic_fetch_add_explicit(&s->in_flight, 1, memory_order_relaxed);
	enum pool_verdict v = POOL_FULL;
	if (!p->policy.requests_max || before < p->policy.requests_max)
		v = pick_any(&k, ret);
	if (v == POOL_PICKED) {
		note(&k, ret);
		return v;
	}
	atomic_fetch_sub_explicit(&s->in_flight, 1, memory_order_relaxed);
	if (v == POOL_NONE || !ask->waits)
		add(v == POOL_FULL ? &s->full : &s->none);
	return v;
}

size_t pool_well(const struct pool *p, uint64_t now_ms)
{
	size_t n = 0;
	for (size_t i = 0; i < p->members_n; i++)
		n += is_well(&p->members[i], &p->policy, now_ms, false);
	return n;
}
