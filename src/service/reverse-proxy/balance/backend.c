#include "service/reverse-proxy/balance/backend.h"

#include "service/reverse-proxy/balance/breaker.h"

#include <stdlib.h>

enum {
	BACKENDS_MAX = 1 << 16, /* of all pools, those that are being forgotten among them */
	STATES_MAX = 1 << 14,
	SAMPLE_SHIFT = 6,      /* the time of a sample is kept in units of 64 ms */
	HALVE_SHIFT = 13,      /* and it is worth half as much after each 8,192 ms */
	TIMES_FIRST_SHIFT = 6, /* the first doubling begins at 64 us */
	TIMES_EACH_DOUBLING = 4,
};

/* --- times ------------------------------------------------------------------------------------ */

static uint64_t aged(uint64_t packed, uint64_t now_ms)
{
	uint64_t then_ms = packed >> 32 << SAMPLE_SHIFT;
	uint64_t halvings = now_ms > then_ms ? (now_ms - then_ms) >> HALVE_SHIFT : 0;
	return halvings < 32 ? (packed & UINT32_MAX) >> halvings : 0;
}

uint64_t backend_latency_us(const struct backend *b, uint64_t now_ms)
{
	return aged(atomic_load_explicit(&b->latency, memory_order_relaxed), now_ms);
}

/* Two workers at once may lose one of two samples, which a mean can bear. */
void backend_latency_add(struct backend *b, uint64_t now_ms, uint64_t latency_us)
{
	uint64_t old = backend_latency_us(b, now_ms);
	uint64_t sample = latency_us < UINT32_MAX / 8 ? latency_us : UINT32_MAX / 8;
	uint64_t mean = old ? (old * 7 + sample) / 8 : sample;
	atomic_store_explicit(&b->latency, (now_ms >> SAMPLE_SHIFT) << 32 | (mean ? mean : 1),
			      memory_order_relaxed);
}

unsigned backend_time_class(uint64_t us)
{
	if (us < 1U << TIMES_FIRST_SHIFT)
		return 0;
	unsigned doubling = 63U - (unsigned)__builtin_clzll(us);
	unsigned quarter = (unsigned)(us >> (doubling - 2)) & 3;
	unsigned class = (doubling - TIMES_FIRST_SHIFT) * TIMES_EACH_DOUBLING + quarter;
	return class < BACKEND_TIMES ? class : BACKEND_TIMES - 1;
}

uint64_t backend_time_bound_us(unsigned class)
{
	unsigned next = class + 1;
	unsigned doubling = TIMES_FIRST_SHIFT + next / TIMES_EACH_DOUBLING;
	return (uint64_t)(4 + next % TIMES_EACH_DOUBLING) << (doubling - 2);
}

/* --- health ----------------------------------------------------------------------------------- */

static void begin_slowly(struct backend *b, uint64_t now_ms)
{
	atomic_store(&b->up_since_ms, now_ms ? now_ms : 1);
}

void backend_set_checked(struct backend *b, uint64_t now_ms, enum backend_checked checked)
{
	uint8_t was = atomic_exchange(&b->checked, (uint8_t)checked);
	if (was != BACKEND_ILL || checked == BACKEND_ILL)
		return;
	atomic_store(&b->failures_in_a_row, 0);
	atomic_store(&b->ejected_until_ms, 0);
	atomic_store(&b->ejections, 0);
	atomic_store(&b->window, 0);
	atomic_store(&b->breaker, 0);
	begin_slowly(b, now_ms);
}

void backend_set_drained(struct backend *b, uint64_t now_ms, bool drained)
{
	if (atomic_exchange(&b->drained, drained) && !drained)
		begin_slowly(b, now_ms);
}

const char *backend_state_text(const struct backend *b, uint64_t now_ms)
{
	if (backend_checked(b) == BACKEND_ILL)
		return "down";
	if (atomic_load(&b->drained))
		return "drained";
	if (atomic_load(&b->ejected_until_ms) > now_ms)
		return "ejected";
	switch (breaker_state(b, now_ms)) {
	case BACKEND_BREAKER_OPEN: return "open";
	case BACKEND_BREAKER_HALF_OPEN: return "half open";
	case BACKEND_BREAKER_CLOSED: break;
	}
	return "up";
}

/* --- references ------------------------------------------------------------------------------- */

struct backend *backend_ref(struct backend *b)
{
	atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	return b;
}

void backend_unref(struct backend *b)
{
	if (b && atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1)
		free(b);
}

struct pool_state *pool_state_ref(struct pool_state *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void pool_state_unref(struct pool_state *s)
{
	if (s && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
		free(s);
}

/* --- the registry ----------------------------------------------------------------------------- */

/* The identity as bytes without padding. */
struct identity {
	uint8_t bytes[sizeof(struct ip_address) + 2 + 4 + BACKEND_POOL_NAME_MAX];
	size_t len, pool_at;
};

static struct identity identity_of(const char *pool, const struct ip_endpoint *at)
{
	struct identity i = {0};
	size_t pool_len = strlen(pool);
	ASSERT(pool_len <= BACKEND_POOL_NAME_MAX);
	i.bytes[i.len++] = at->address.family;
	for (size_t k = 0; k < ip_address_len(&at->address); k++)
		i.bytes[i.len++] = at->address.bytes[k];
	i.bytes[i.len++] = (uint8_t)(at->port >> 8);
	i.bytes[i.len++] = (uint8_t)at->port;
	for (unsigned k = 0; k < 4; k++)
		i.bytes[i.len++] = (uint8_t)(at->scope >> (8 * k));
	i.pool_at = i.len;
	for (size_t k = 0; k < pool_len; k++)
		i.bytes[i.len++] = (uint8_t)pool[k];
	return i;
}

static bool backend_is(const void *record, const void *key, size_t key_len)
{
	const struct backend *b = record;
	struct identity i = identity_of(b->pool, &b->at);
	return span_equal(span_of(i.bytes, i.len), span_of(key, key_len));
}

static bool state_is(const void *record, const void *key, size_t key_len)
{
	const struct pool_state *s = record;
	return span_equal(span_text(s->name), span_of(key, key_len));
}

void registry_init(struct registry *r, struct hash_key key, struct hash_key secret)
{
	*r = (struct registry){.secret = secret};
	table_init(&r->backends, key, BACKENDS_MAX, backend_is);
	table_init(&r->states, key, STATES_MAX, state_is);
}

void registry_done(struct registry *r)
{
	struct backend *b;
	struct pool_state *s;
	for (size_t at = 0; (b = table_next(&r->backends, &at));)
		backend_unref(b);
	for (size_t at = 0; (s = table_next(&r->states, &at));)
		pool_state_unref(s);
	table_done(&r->backends);
	table_done(&r->states);
}

/* Blocks of 64 bytes, as the struct asks for. */
static void *zeroed(size_t align, size_t size)
{
	void *block = aligned_alloc(align, size);
	return block ? memset(block, 0, size) : NULL;
}

struct backend *registry_find(const struct registry *r, const char *pool,
			      const struct ip_endpoint *at)
{
	struct identity i = identity_of(pool, at);
	uint32_t hash = table_hash(&r->backends, span_of(i.bytes, i.len));
	return table_find(&r->backends, hash, i.bytes, i.len);
}

static enum err add_backend(struct registry *r, const char *pool, const struct ip_endpoint *at,
			    struct backend **ret)
{
	struct identity i = identity_of(pool, at);
	struct backend *b = zeroed(_Alignof(struct backend), sizeof(*b));
	if (!b)
		return ENOMEM;
	b->at = *at;
	span_to_cstr(span_text(pool), b->pool, sizeof(b->pool));
	b->id = siphash13_of(r->secret, i.bytes, i.len);
	b->id += b->id == 0; /* 0 means none */
	b->place = siphash13_of((struct hash_key){0}, i.bytes, i.pool_at);
	atomic_init(&b->refs, 1);
	enum err e = table_insert(&r->backends, table_hash(&r->backends, span_of(i.bytes, i.len)),
				  i.bytes, i.len, b);
	if (e)
		free(TAKE(b));
	else
		*ret = b;
	return e;
}

enum err registry_backend(struct registry *r, const char *pool, const struct ip_endpoint *at,
			  struct backend **ret, bool *ret_new)
{
	struct backend *b = registry_find(r, pool, at);
	bool is_new = !b;
	if (!b)
		TRY(add_backend(r, pool, at, &b));
	*ret = backend_ref(b);
	if (ret_new)
		*ret_new = is_new;
	return OK;
}

enum err registry_state(struct registry *r, const char *pool, struct pool_state **ret,
			bool *ret_new)
{
	struct span name = span_text(pool);
	uint32_t hash = table_hash(&r->states, name);
	struct pool_state *s = table_find(&r->states, hash, name.data, name.len);
	bool is_new = !s;
	if (!s) {
		s = zeroed(_Alignof(struct pool_state), sizeof(*s));
		if (!s)
			return ENOMEM;
		span_to_cstr(name, s->name, sizeof(s->name));
		atomic_init(&s->refs, 1);
		enum err e = table_insert(&r->states, hash, name.data, name.len, s);
		if (e) {
			free(TAKE(s));
			return e;
		}
	}
	*ret = pool_state_ref(s);
	if (ret_new)
		*ret_new = is_new;
	return OK;
}

/* Only the main thread makes references out of none, so one that is the last stays the last. */
static bool drop_backend(void *record, void *arg)
{
	struct backend *b = record;
	(void)arg;
	bool last = atomic_load(&b->refs) == 1;
	if (last)
		backend_unref(b);
	return last;
}

static bool drop_state(void *record, void *arg)
{
	struct pool_state *s = record;
	(void)arg;
	bool last = atomic_load(&s->refs) == 1;
	if (last)
		pool_state_unref(s);
	return last;
}

size_t registry_sweep(struct registry *r)
{
	return table_sweep(&r->backends, drop_backend, NULL) +
	       table_sweep(&r->states, drop_state, NULL);
}
