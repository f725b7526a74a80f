#include "service/forward-proxy/access/bandwidth.h"

#include "base/siphash.h"
#include "crypto/random.h"
#include "service/forward-proxy/access/whom.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
	WAYS = 8,
	USER_MAX = 128,
	KEY_MAX = 2 + USER_MAX,
	PARTS = 16, /* grants in a second */
	GRANT_MIN = 512,
	GRANT_MAX = 1 << 20,
};

#define SECOND_NS UINT64_C(1000000000)
#define MS_NS	  UINT64_C(1000000)

/* name: of a keyed hash, so that nobody finds two clients alike; 0: free. */
struct bucket {
	_Atomic uint64_t name, full_ns[BANDWIDTH_DIRECTIONS];
};

struct bandwidth {
	struct hash_key key;
	struct bucket *buckets; /* sets of WAYS; their number is a power of two */
	size_t sets;
};

enum err bandwidth_new(size_t buckets_max, struct bandwidth **ret)
{
	AUTO(bandwidth_free) struct bandwidth *b = calloc(1, sizeof(*b));
	uint8_t key[SIPHASH_KEY_LEN];
	if (!b)
		return (enum err)ENOMEM;
	b->sets = 1;
	while (b->sets * WAYS < buckets_max && b->sets < (size_t)1 << 24)
		b->sets *= 2;
	TRY(crypto_random(key, sizeof(key)));
	b->key = hash_key_of(key);
	b->buckets = calloc(b->sets * WAYS, sizeof(*b->buckets));
	if (!b->buckets)
		return (enum err)ENOMEM;
	*ret = TAKE(b);
	return OK;
}

void bandwidth_free(struct bandwidth *b)
{
	if (!b)
		return;
	free(b->buckets);
	free(b);
}

/* ---- whose ---- */

static bool fits(const struct bandwidth_limit *l, const struct access_facts *f)
{
	const struct whom whom = {l->from, l->from_n, l->groups, l->groups_n, l->users, l->users_n};
	return whom_fits(&whom, f);
}

static uint64_t name_of(const struct bandwidth *b, size_t number, enum bandwidth_by by,
			const struct access_facts *f)
{
	uint8_t key[KEY_MAX] = {(uint8_t)number, 0};
	size_t n = 0;
	if (by == BANDWIDTH_BY_USER && f->user.len) {
		key[1] = 1;
		n = f->user.len < USER_MAX ? f->user.len : USER_MAX;
		memcpy(&key[2], f->user.data, n);
	} else if (by != BANDWIDTH_BY_ALL) {
		key[1] = f->client.family;
		n = f->client.family == 6 ? 8 : ip_address_len(&f->client);
		memcpy(&key[2], f->client.bytes, n);
	}
	uint64_t name = siphash13_of(b->key, key, n + 2);
	return name ? name : 1;
}

void bandwidth_claim(const struct bandwidth *b, const struct bandwidth_limits *limits,
		     const struct access_facts *f, struct bandwidth_claim *ret)
{
	ret->n = 0;
	for (size_t i = 0; i < limits->n; i++) {
		const struct bandwidth_limit *l = &limits->items[i];
		if (!fits(l, f))
			continue;
		ASSERT(ret->n < BANDWIDTH_LIMITS_MAX);
		ret->items[ret->n].name = name_of(b, i, l->by, f);
		memcpy(ret->items[ret->n].rates, l->rates, sizeof(l->rates));
		ret->n++;
	}
}

/* ---- how much ---- */

static uint64_t cost_ns(size_t n, uint64_t rate)
{
	return (uint64_t)n * SECOND_NS / rate;
}

static uint64_t busy_ns(const struct bucket *k)
{
	uint64_t up = atomic_load(&k->full_ns[BANDWIDTH_UP]);
	uint64_t down = atomic_load(&k->full_ns[BANDWIDTH_DOWN]);
	return up > down ? up : down;
}

/* NULL: it has none, and *ret_oldest is to become it. */
static struct bucket *bucket_find(struct bandwidth *b, uint64_t name, struct bucket **ret_oldest)
{
	struct bucket *set = &b->buckets[(name & (b->sets - 1)) * WAYS];
	*ret_oldest = &set[0];
	for (size_t i = 0; i < WAYS; i++) {
		if (atomic_load(&set[i].name) == name)
			return &set[i];
		if (busy_ns(&set[i]) < busy_ns(*ret_oldest))
			*ret_oldest = &set[i];
	}
	return NULL;
}

static struct bucket *bucket_of(struct bandwidth *b, uint64_t name)
{
	struct bucket *oldest, *k = bucket_find(b, name, &oldest);
	if (k)
		return k;
	for (size_t i = 0; i < BANDWIDTH_DIRECTIONS; i++)
		atomic_store(&oldest->full_ns[i], 0);
	atomic_store(&oldest->name, name);
	return oldest;
}

/* n octets are spent; nanoseconds until they are there. */
static uint64_t spend(struct bucket *k, enum bandwidth_direction way, uint64_t now_ns,
		      uint64_t cost)
{
	/* The bucket's own clock starts a burst late: nothing is below 0. */
	uint64_t empty_ns = now_ns + BANDWIDTH_BURST_MS * MS_NS;
	uint64_t full_ns = atomic_load(&k->full_ns[way]), start;
	do
		start = full_ns > now_ns ? full_ns : now_ns;
	while (!atomic_compare_exchange_weak(&k->full_ns[way], &full_ns, start + cost));
	return start + cost > empty_ns ? start + cost - empty_ns : 0;
}

/* Of the slowest limit, so that its turns are short. */
static size_t grant_of(const struct bandwidth_claim *c, enum bandwidth_direction way)
{
	uint64_t least = UINT64_MAX;
	for (size_t i = 0; i < c->n; i++)
		if (c->items[i].rates[way] && c->items[i].rates[way] < least)
			least = c->items[i].rates[way];
	if (least == UINT64_MAX)
		return SIZE_MAX;
	uint64_t n = least / PARTS;
	return (size_t)(n < GRANT_MIN ? GRANT_MIN : n > GRANT_MAX ? GRANT_MAX : n);
}

size_t bandwidth_take(struct bandwidth *b, const struct bandwidth_claim *c,
		      enum bandwidth_direction way, uint64_t now_ms, uint32_t *ret_wait_ms)
{
	size_t n = grant_of(c, way);
	uint64_t most_ns = 0;
	*ret_wait_ms = 0;
	if (n == SIZE_MAX)
		return n;
	for (size_t i = 0; i < c->n; i++) {
		uint64_t rate = c->items[i].rates[way];
		if (!rate)
			continue;
		uint64_t wait_ns = spend(bucket_of(b, c->items[i].name), way, now_ms * MS_NS,
					 cost_ns(n, rate));
		most_ns = wait_ns > most_ns ? wait_ns : most_ns;
	}
	uint64_t wait_ms = (most_ns + MS_NS - 1) / MS_NS;
	*ret_wait_ms = wait_ms < INT32_MAX ? (uint32_t)wait_ms : INT32_MAX;
	return n;
}

/* False: it would come too late, and nothing is spent. */
static bool try_spend(struct bucket *k, enum bandwidth_direction way, uint64_t now_ns,
		      uint64_t cost)
{
	uint64_t latest_ns = now_ns + (BANDWIDTH_BURST_MS + BANDWIDTH_DATAGRAM_MS) * MS_NS;
	uint64_t full_ns = atomic_load(&k->full_ns[way]), start;
	do {
		start = full_ns > now_ns ? full_ns : now_ns;
		if (start + cost > latest_ns)
			return false;
	} while (!atomic_compare_exchange_weak(&k->full_ns[way], &full_ns, start + cost));
	return true;
}

bool bandwidth_pass(struct bandwidth *b, const struct bandwidth_claim *c,
		    enum bandwidth_direction way, size_t n, uint64_t now_ms)
{
	struct bandwidth_claim spent = {.n = 0};
	for (size_t i = 0; i < c->n; i++) {
		uint64_t rate = c->items[i].rates[way];
		if (!rate)
			continue;
		if (!try_spend(bucket_of(b, c->items[i].name), way, now_ms * MS_NS,
			       cost_ns(n, rate))) {
			bandwidth_give(b, &spent, way, n);
			return false;
		}
		spent.items[spent.n++] = c->items[i];
	}
	return true;
}

void bandwidth_give(struct bandwidth *b, const struct bandwidth_claim *c,
		    enum bandwidth_direction way, size_t n)
{
	for (size_t i = 0; i < c->n; i++) {
		struct bucket *oldest, *k = bucket_find(b, c->items[i].name, &oldest);
		uint64_t rate = c->items[i].rates[way];
		uint64_t full_ns = k ? atomic_load(&k->full_ns[way]) : 0;
		uint64_t cost = rate ? cost_ns(n, rate) : 0;
		while (full_ns > cost &&
		       !atomic_compare_exchange_weak(&k->full_ns[way], &full_ns, full_ns - cost))
			;
	}
}
