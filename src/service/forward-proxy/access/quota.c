#include "service/forward-proxy/access/quota.h"

#include "base/siphash.h"
#include "crypto/random.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { WAYS = 8, KEY_MAX = 2 + QUOTA_NAME_MAX + QUOTA_WHO_MAX };

/* In `users`: it becomes another one's, or is told; nobody else touches it. */
#define TAKEN (UINT32_C(1) << 31)

/* Its name and what stands behind `users` change only under TAKEN. */
struct quota_row {
	_Atomic uint64_t used[BANDWIDTH_DIRECTIONS], extra;
	_Atomic uint64_t begins_s, ends_s;
	_Atomic uint32_t users; /* claims that hold it */
	uint8_t by, who_len;
	uint64_t name; /* while it is held */
	char quota[QUOTA_NAME_MAX + 1];
	uint8_t who[QUOTA_WHO_MAX];
};

struct quota_table {
	struct hash_key key;
	/* Of a keyed hash; 0: free. Apart, so that a look touches little. */
	_Atomic uint64_t *names;
	struct quota_row *rows; /* likewise sets of WAYS; their number is a power of two */
	size_t sets;
	_Atomic size_t rows_n;	/* in use */
	pthread_mutex_t adding; /* held by who makes a row another one's */
};

enum err quota_table_new(size_t rows_max, struct quota_table **ret)
{
	uint8_t key[SIPHASH_KEY_LEN];
	struct quota_table *t = calloc(1, sizeof(*t));
	if (!t)
		return (enum err)ENOMEM;
	(void)pthread_mutex_init(&t->adding, NULL);
	t->sets = 1;
	while (t->sets * WAYS < rows_max && t->sets < (size_t)1 << 20)
		t->sets *= 2;
	t->rows = calloc(t->sets * WAYS, sizeof(*t->rows));
	t->names = calloc(t->sets * WAYS, sizeof(*t->names));
	enum err e = t->rows && t->names ? crypto_random(key, sizeof(key)) : (enum err)ENOMEM;
	if (e) {
		quota_table_free(t);
		return e;
	}
	t->key = hash_key_of(key);
	*ret = t;
	return OK;
}

void quota_table_free(struct quota_table *t)
{
	if (!t)
		return;
	(void)pthread_mutex_destroy(&t->adding);
	free(t->rows);
	free(t->names);
	free(t);
}

const struct quota *quota_find(const struct quotas *all, struct span name)
{
	for (size_t i = 0; i < all->n; i++)
		if (span_is(name, all->items[i].name))
			return &all->items[i];
	return NULL;
}

/* ---- whose ---- */

void quota_use_name(struct quota_use *u, const char *quota, enum quota_by by, struct span who)
{
	u->by = by;
	(void)span_to_cstr(span_sub(span_text(quota), 0, QUOTA_NAME_MAX), u->quota,
			   sizeof(u->quota));
	who = span_sub(who, 0, QUOTA_WHO_MAX);
	u->who_len = (uint8_t)who.len;
	if (who.len)
		memcpy(u->who, who.data, who.len);
}

static void name_address(struct quota_use *u, const struct quota *q, const struct ip_address *a)
{
	char text[IP_PREFIX_TEXT_MAX];
	struct ip_prefix net = ip_prefix_of(a, 64);
	size_t n = a->family == 6 ? ip_prefix_format(&net, text) : ip_address_format(a, text);
	quota_use_name(u, q->name, QUOTA_BY_ADDRESS, span_of(text, n));
}

static void name_client(struct quota_use *u, const struct quota *q, const struct access_facts *f)
{
	const char *group = q->by == QUOTA_BY_GROUP ? whom_group(&q->whom, f) : NULL;
	if (q->by == QUOTA_BY_ALL)
		quota_use_name(u, q->name, QUOTA_BY_ALL, span_text("all"));
	else if (group)
		quota_use_name(u, q->name, QUOTA_BY_GROUP, span_text(group));
	else if (q->by == QUOTA_BY_USER && f->user.len)
		quota_use_name(u, q->name, QUOTA_BY_USER, f->user);
	else
		name_address(u, q, &f->client);
}

static uint64_t hash_of(const struct quota_table *t, const struct quota_use *u)
{
	uint8_t key[KEY_MAX];
	size_t n = strlen(u->quota);
	key[0] = (uint8_t)n;
	key[1] = (uint8_t)u->by;
	memcpy(&key[2], u->quota, n);
	memcpy(&key[2 + n], u->who, u->who_len);
	uint64_t name = siphash13_of(t->key, key, 2 + n + u->who_len);
	return name ? name : 1;
}

/* ---- rows ---- */

static size_t set_of(const struct quota_table *t, uint64_t name)
{
	return (name & (t->sets - 1)) * WAYS;
}

/* Held by the caller when it is there. */
static struct quota_row *row_hold(const struct quota_table *t, uint64_t name)
{
	size_t set = set_of(t, name);
	for (size_t i = set; i < set + WAYS; i++) {
		if (atomic_load(&t->names[i]) != name)
			continue;
		/* Held it stays what it is: so look again. */
		if (!(atomic_fetch_add(&t->rows[i].users, 1) & TAKEN) &&
		    atomic_load(&t->names[i]) == name)
			return &t->rows[i];
		atomic_fetch_sub(&t->rows[i].users, 1);
	}
	return NULL;
}

static void row_leave(struct quota_row *r)
{
	atomic_fetch_sub(&r->users, 1);
}

/* Nobody's but the caller's, until row_give or row_fill. */
static bool row_take(struct quota_row *r)
{
	uint32_t none = 0;
	return atomic_compare_exchange_strong(&r->users, &none, TAKEN);
}

/* Some may have come by name meanwhile, who leave when they see. */
static void row_give(struct quota_row *r)
{
	atomic_fetch_sub(&r->users, TAKEN);
}

static uint64_t row_used(const struct quota_row *r)
{
	return atomic_load(&r->used[BANDWIDTH_UP]) + atomic_load(&r->used[BANDWIDTH_DOWN]);
}

/* What would be lost with it. */
static uint64_t row_worth(const struct quota_table *t, size_t i)
{
	const struct quota_row *r = &t->rows[i];
	return atomic_load(&t->names[i]) ? 1 + row_used(r) + atomic_load(&r->extra) : 0;
}

/* The one of a set of which least is lost, taken; false: all are held. */
static bool row_spare(const struct quota_table *t, size_t set, size_t *ret)
{
	for (unsigned tries = 0; tries < WAYS; tries++) {
		bool any = false;
		for (size_t i = set; i < set + WAYS; i++) {
			if (atomic_load(&t->rows[i].users) ||
			    (any && row_worth(t, i) >= row_worth(t, *ret)))
				continue;
			any = true;
			*ret = i;
		}
		if (!any)
			return false;
		if (row_take(&t->rows[*ret]))
			return true;
	}
	return false;
}

static struct quota_row *row_fill(struct quota_table *t, size_t i, const struct quota_use *u,
				  uint64_t name)
{
	struct quota_row *r = &t->rows[i];
	if (!atomic_load(&t->names[i]))
		atomic_fetch_add(&t->rows_n, 1);
	r->by = (uint8_t)u->by;
	r->who_len = u->who_len;
	r->name = name;
	memcpy(r->quota, u->quota, sizeof(r->quota));
	memcpy(r->who, u->who, u->who_len);
	for (size_t k = 0; k < BANDWIDTH_DIRECTIONS; k++)
		atomic_store(&r->used[k], 0);
	atomic_store(&r->extra, 0);
	atomic_store(&r->begins_s, u->period.begins_s);
	atomic_store(&r->ends_s, u->period.ends_s);
	atomic_store(&t->names[i], name);
	/* From one who has taken it to one who holds it. */
	atomic_fetch_sub(&r->users, TAKEN - 1);
	return r;
}

/* Of who u names, held; made if there is none. NULL: there is no room. */
static struct quota_row *row_of(struct quota_table *t, const struct quota_use *u)
{
	uint64_t name = hash_of(t, u);
	struct quota_row *r = row_hold(t, name);
	if (r)
		return r;
	(void)pthread_mutex_lock(&t->adding);
	r = row_hold(t, name); /* of another thread */
	size_t spare = 0;
	if (!r && row_spare(t, set_of(t, name), &spare))
		r = row_fill(t, spare, u, name);
	(void)pthread_mutex_unlock(&t->adding);
	return r;
}

/* ---- claims ---- */

enum err quota_claim(struct quota_table *t, const struct quotas *all, const struct access_facts *f,
		     struct quota_claim *ret)
{
	struct quota_claim c = {.n = 0};
	ASSERT(all->n <= QUOTAS_MAX);
	for (size_t i = 0; i < all->n; i++) {
		const struct quota *q = &all->items[i];
		struct quota_use u;
		if (!whom_fits(&q->whom, f))
			continue;
		name_client(&u, q, f);
		u.period = period_of(&q->period, all->zone, f->now_s);
		struct quota_row *r = row_of(t, &u);
		if (!r) {
			quota_leave(&c);
			*ret = c;
			return ERR_LIMIT;
		}
		c.items[c.n].row = r;
		c.items[c.n++].quota = q;
	}
	*ret = c;
	return OK;
}

void quota_leave(struct quota_claim *c)
{
	for (size_t i = 0; i < c->n; i++)
		row_leave(c->items[i].row);
	c->n = 0;
}

static uint64_t left_of(uint64_t limit, uint64_t extra, uint64_t used)
{
	uint64_t may;
	if (!limit || __builtin_add_overflow(limit, extra, &may))
		return UINT64_MAX;
	return used < may ? may - used : 0;
}

static uint64_t least_of(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* That way; 0 as soon as any of the numbers is used up. */
static uint64_t room_of(const struct quota *q, const uint64_t used[BANDWIDTH_DIRECTIONS],
			uint64_t extra, enum bandwidth_direction way)
{
	uint64_t both = left_of(q->bytes, extra, used[BANDWIDTH_UP] + used[BANDWIDTH_DOWN]);
	uint64_t here = left_of(q->ways[way], extra, used[way]);
	uint64_t there = left_of(q->ways[!way], extra, used[!way]);
	return there ? least_of(both, here) : 0;
}

static uint64_t row_room(const struct quota *q, const struct quota_row *r,
			 enum bandwidth_direction way)
{
	const uint64_t used[BANDWIDTH_DIRECTIONS] = {atomic_load(&r->used[BANDWIDTH_UP]),
						     atomic_load(&r->used[BANDWIDTH_DOWN])};
	return room_of(q, used, atomic_load(&r->extra), way);
}

bool quota_is_over(const struct quota *q, const struct quota_use *u)
{
	return room_of(q, u->used, u->extra, BANDWIDTH_DOWN) == 0 ||
	       room_of(q, u->used, u->extra, BANDWIDTH_UP) == 0;
}

uint64_t quota_room(const struct quota_claim *c, enum bandwidth_direction way)
{
	uint64_t room = UINT64_MAX;
	for (size_t i = 0; i < c->n; i++)
		if (c->items[i].quota->then == QUOTA_REFUSE)
			room = least_of(room, row_room(c->items[i].quota, c->items[i].row, way));
	return room;
}

void quota_count(const struct quota_claim *c, enum bandwidth_direction way, uint64_t n)
{
	for (size_t i = 0; i < c->n; i++)
		atomic_fetch_add_explicit(&c->items[i].row->used[way], n, memory_order_relaxed);
}

static bool is_over(const struct quota *q, const struct quota_row *r)
{
	return !row_room(q, r, BANDWIDTH_UP) || !row_room(q, r, BANDWIDTH_DOWN);
}

const struct quota *quota_refuses(const struct quota_claim *c, uint64_t *ret_ends_s)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct quota *q = c->items[i].quota;
		if (q->then != QUOTA_REFUSE || !is_over(q, c->items[i].row))
			continue;
		*ret_ends_s = atomic_load(&c->items[i].row->ends_s);
		return q;
	}
	return NULL;
}

bool quota_slows(const struct quota_claim *c, struct bandwidth_claim *ret)
{
	bool any = false;
	ret->n = 0;
	for (size_t i = 0; i < c->n; i++) {
		const struct quota *q = c->items[i].quota;
		if (q->then != QUOTA_SLOW)
			continue;
		any = true;
		if (!is_over(q, c->items[i].row))
			continue;
		/* A bucket of its own; names of rows are hashes as those of buckets are. */
		ret->items[ret->n].name = c->items[i].row->name;
		ret->items[ret->n].rates[BANDWIDTH_UP] = q->rate;
		ret->items[ret->n++].rates[BANDWIDTH_DOWN] = q->rate;
	}
	return any;
}

/* ---- time ---- */

static void row_clear(struct quota_row *r)
{
	for (size_t i = 0; i < BANDWIDTH_DIRECTIONS; i++)
		atomic_store(&r->used[i], 0);
	atomic_store(&r->extra, 0);
}

/* What was used before the period of now began is not of it. What was used after now, by a clock
 * that was ahead, is: else who sets it back would have it all again. */
static void row_turn(struct quota_row *r, const struct period_span *now, uint64_t now_s)
{
	uint64_t begins_s = atomic_load(&r->begins_s);
	if (begins_s == now->begins_s && atomic_load(&r->ends_s) == now->ends_s)
		return;
	if (begins_s < now->begins_s && begins_s <= now_s)
		row_clear(r);
	atomic_store(&r->begins_s, now->begins_s);
	atomic_store(&r->ends_s, now->ends_s);
}

static void row_free_up(struct quota_table *t, size_t i)
{
	struct quota_row *r = &t->rows[i];
	if (!row_take(r))
		return;
	/* Something may have come in between. */
	if (!row_used(r) && !atomic_load(&r->extra)) {
		atomic_store(&t->names[i], 0);
		atomic_fetch_sub(&t->rows_n, 1);
	}
	row_give(r);
}

void quota_turn(struct quota_table *t, const struct quotas *all, uint64_t now_s)
{
	struct period_span now[QUOTAS_MAX];
	if (!quota_rows(t))
		return;
	for (size_t i = 0; i < all->n; i++)
		now[i] = period_of(&all->items[i].period, all->zone, now_s);
	(void)pthread_mutex_lock(&t->adding);
	for (size_t i = 0; i < t->sets * WAYS; i++) {
		struct quota_row *r = &t->rows[i];
		if (!atomic_load(&t->names[i]))
			continue;
		const struct quota *q = quota_find(all, span_text(r->quota));
		if (q)
			row_turn(r, &now[q - all->items], now_s);
		else if (atomic_load(&r->ends_s) <= now_s) /* its quota is no more */
			row_clear(r);
		if (!row_used(r) && !atomic_load(&r->extra))
			row_free_up(t, i);
	}
	(void)pthread_mutex_unlock(&t->adding);
}

/* ---- what is there ---- */

size_t quota_rows(const struct quota_table *t)
{
	return atomic_load(&t->rows_n);
}

static void row_tell(const struct quota_row *r, struct quota_use *ret)
{
	memcpy(ret->quota, r->quota, sizeof(ret->quota));
	ret->by = (enum quota_by)r->by;
	ret->who_len = r->who_len;
	memcpy(ret->who, r->who, r->who_len);
	for (size_t i = 0; i < BANDWIDTH_DIRECTIONS; i++)
		ret->used[i] = atomic_load(&r->used[i]);
	ret->extra = atomic_load(&r->extra);
	ret->period = (struct period_span){atomic_load(&r->begins_s), atomic_load(&r->ends_s)};
}

bool quota_next(struct quota_table *t, size_t *at, struct quota_use *ret)
{
	while (quota_rows(t) && *at < t->sets * WAYS) {
		uint64_t name = atomic_load(&t->names[(*at)++]);
		struct quota_row *r = name ? row_hold(t, name) : NULL;
		if (!r)
			continue;
		row_tell(r, ret);
		row_leave(r);
		return true;
	}
	return false;
}

static void row_grant(struct quota_row *r, uint64_t extra)
{
	uint64_t there = atomic_load(&r->extra), then;
	do {
		if (__builtin_add_overflow(there, extra, &then))
			then = UINT64_MAX;
		then = least_of(then, QUOTA_EXTRA_MAX);
	} while (!atomic_compare_exchange_weak(&r->extra, &there, then));
}

enum err quota_put(struct quota_table *t, const struct quota_use *u)
{
	struct quota_row *r = row_of(t, u);
	if (!r)
		return ERR_LIMIT;
	for (size_t i = 0; i < BANDWIDTH_DIRECTIONS; i++)
		atomic_fetch_add(&r->used[i], u->used[i]);
	row_grant(r, u->extra);
	row_leave(r);
	return OK;
}

bool quota_reset(struct quota_table *t, const struct quota_use *which)
{
	struct quota_row *r = row_hold(t, hash_of(t, which));
	if (!r)
		return false;
	row_clear(r);
	row_leave(r);
	return true;
}
