/* why-long: all that a shard's lock guards stands in one place. */
#include "http-cache/memory.h"

#include "base/table.h"
#include "base/writer.h"
#include "http-cache/decide.h"
#include "http-cache/disk/disk.h"
#include "http-cache/vary.h"

#include <pthread.h>
#include <stdlib.h>

enum {
	SHARDS_MAX = 64,
	OBJECTS_OF_SHARD = 4, /* of the largest size, at least */
	GHOST_PER = 8 * 1024, /* bytes of room for which one ghost is remembered */
	GHOSTS_MIN = 256,
	GHOSTS_MAX = 64 * 1024,
	SLOTS_MAX = 1 << 24,
	OBJECT_EXTRA = 64 * 1024, /* head, and room at a body's end */
	PURGES = 1024,		  /* counters of purges and of flights; a power of two */
	COMING_PART = 2,	  /* half as much may be on its way */
};

/* All of one key. */
struct cache_slot {
	struct cache_object *objects; /* counted */
	struct cache_flight *flights; /* borrowed */
	size_t objects_n;
	uint32_t hash;
	size_t key_len;
	uint8_t key[];
};

struct shard {
	pthread_mutex_t lock;
	struct table slots;
	struct s3fifo fifo;
	uint64_t objects, evicted;
	uint64_t swept, purged[PURGES]; /* how often: all of it; keys by their hash */
	uint32_t landed[PURGES];	/* flights, by the hash of their keys */
};

struct cache_memory {
	struct cache_memory_options options;
	atomic_uint_fast64_t coming; /* bytes */
	size_t shards_n;	     /* a power of two */
	struct shard shards[];
};

static bool slot_has_key(const void *record, const void *key, size_t key_len)
{
	const struct cache_slot *s = record;
	return span_equal(span_of(s->key, s->key_len), span_of(key, key_len));
}

static size_t shards_for(const struct cache_memory_options *o)
{
	size_t n = 1;
	uint64_t least = (o->object_max + OBJECT_EXTRA) * OBJECTS_OF_SHARD;
	while (n < SHARDS_MAX && o->size / (n * 2) >= least)
		n *= 2;
	return n;
}

static enum err shard_init(struct shard *s, const struct cache_memory_options *o, size_t shards_n)
{
	uint64_t room = o->size / shards_n, ghosts = room / GHOST_PER;
	ghosts = ghosts < GHOSTS_MIN ? GHOSTS_MIN : ghosts > GHOSTS_MAX ? GHOSTS_MAX : ghosts;
	(void)pthread_mutex_init(&s->lock, NULL);
	table_init(&s->slots, o->key, SLOTS_MAX, slot_has_key);
	return s3fifo_init(&s->fifo, room, (size_t)ghosts);
}

enum err cache_memory_new(const struct cache_memory_options *o, struct cache_memory **ret)
{
	size_t n = shards_for(o);
	struct cache_memory *m = calloc(1, sizeof(*m) + n * sizeof(m->shards[0]));
	if (!m)
		return ENOMEM;
	m->options = *o;
	m->shards_n = n;
	enum err e = OK;
	for (size_t i = 0; i < n && !e; i++)
		e = shard_init(&m->shards[i], o, n);
	if (e) {
		cache_memory_free(m);
		return e;
	}
	*ret = m;
	return OK;
}

struct cache_disk *cache_memory_disk(const struct cache_memory *m)
{
	return m->options.disk;
}

uint64_t cache_memory_object_max(const struct cache_memory *m)
{
	return m->options.object_max;
}

/* ---- slots, under the lock ---- */

/* *ret_hash: its low half is table_hash, as the tables have the same key. */
static struct shard *lock(struct cache_memory *m, struct span key, uint64_t *ret_hash)
{
	uint64_t hash = siphash13_of(m->options.key, key.data, key.len);
	struct shard *s = &m->shards[(hash >> 32) & (m->shards_n - 1)];
	(void)pthread_mutex_lock(&s->lock);
	*ret_hash = hash;
	return s;
}

static void unlock(struct shard *s)
{
	(void)pthread_mutex_unlock(&s->lock);
}

static struct cache_slot *slot_find(const struct shard *s, uint64_t hash, struct span key)
{
	return table_find(&s->slots, (uint32_t)hash, key.data, key.len);
}

static struct cache_slot *slot_get(struct shard *s, uint64_t hash, struct span key)
{
	struct cache_slot *slot = slot_find(s, hash, key);
	if (slot)
		return slot;
	slot = calloc(1, sizeof(*slot) + key.len);
	if (!slot)
		return NULL;
	slot->hash = (uint32_t)hash;
	slot->key_len = key.len;
	if (key.len)
		memcpy(slot->key, key.data, key.len);
	if (table_insert(&s->slots, slot->hash, slot->key, slot->key_len, slot)) {
		free(slot);
		return NULL;
	}
	return slot;
}

static void slot_leave(struct shard *s, struct cache_slot *slot)
{
	if (slot->objects || slot->flights)
		return;
	(void)table_remove(&s->slots, slot->hash, slot->key, slot->key_len);
	free(slot);
}

/* Out of slot and queues; onto *gone, whose counts are given back after the lock. The slot stays.
 */
static void object_out(struct shard *s, struct cache_object *o, struct cache_object **gone)
{
	struct cache_object **at = &o->slot->objects;
	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	o->slot->objects_n--;
	s3fifo_remove(&s->fifo, &o->node);
	s->objects -= !o->rule;
	o->next = *gone;
	*gone = o;
}

static void give_back(struct cache_object *gone)
{
	while (gone) {
		struct cache_object *o = gone;
		gone = o->next;
		cache_object_unref(o);
	}
}

static void make_room(struct shard *s, struct cache_object **gone)
{
	while (s3fifo_is_over(&s->fifo)) {
		struct s3fifo_node *n = s3fifo_evict(&s->fifo);
		if (!n)
			return;
		struct cache_object *o =
			(struct cache_object *)(void *)((char *)n -
							offsetof(struct cache_object, node));
		struct cache_slot *slot = o->slot;
		s->evicted += !o->rule;
		object_out(s, o, gone);
		slot_leave(s, slot);
	}
}

/* Only ever grows: equal when neither the key, nor another of that counter, nor all were purged. */
static uint64_t purges(const struct shard *s, uint64_t hash)
{
	return s->swept + s->purged[hash & (PURGES - 1)];
}

/* ---- looking ---- */

/* What a request says in the fields of the last names asked for: those of one key vary alike. */
struct said {
	struct cache_fields request;
	struct span names;
	struct writer w;
	uint8_t room[CACHE_VARY_MAX];
};

static bool selects(const struct cache_object *o, struct said *said)
{
	if (!o->vary_names.len)
		return true;
	if (!span_equal(said->names, o->vary_names)) {
		said->names = o->vary_names;
		said->w = writer_of(said->room, sizeof(said->room));
		cache_vary_write(said->names, said->request, &said->w);
	}
	return !said->w.bad && span_equal(writer_span(&said->w), o->vary);
}

/* The newest that matches. RFC 9111 4.1: of answers with and without Vary those with it are asked
 * first: "it SHOULD use the most recent non-empty value". */
static struct cache_object *choose(const struct cache_slot *slot, const struct cache_look *look,
				   size_t *ret_others)
{
	struct cache_object *best = NULL;
	struct said said;
	said.request = look->request;
	said.names = (struct span){0};
	for (struct cache_object *o = slot->objects; o; o = o->next) {
		if (o->rule || !span_equal(o->space, look->space))
			continue;
		++*ret_others;
		if (!selects(o, &said))
			continue;
		bool more = best && !best->vary_names.len && o->vary_names.len;
		bool less = best && best->vary_names.len && !o->vary_names.len;
		if (!best || more || (!less && cache_is_newer(&o->meta, &best->meta)))
			best = o;
	}
	return best;
}

static enum cache_rule refusal(const struct cache_slot *slot, struct span space, uint64_t now_ms)
{
	for (const struct cache_object *o = slot->objects; o; o = o->next)
		if (o->rule && span_equal(o->space, space) &&
		    now_ms < o->meta.response_s * 1000 + CACHE_REFUSED_MS)
			return o->rule;
	return CACHE_MAY_STORE;
}

/* The disk must know what is asked for, though it is not asked itself: each time that the number
 * has doubled is enough. */
static void tell_used(struct cache_memory *m, uint64_t hash, const struct cache_object *o)
{
	uint64_t hits = atomic_load_explicit(&o->hits, memory_order_relaxed);
	if (m->options.disk && !(hits & (hits - 1)))
		cache_disk_used(m->options.disk, hash);
}

void cache_memory_find(struct cache_memory *m, const struct cache_look *look, uint64_t now_ms,
		       struct cache_found *ret)
{
	uint64_t hash;
	struct shard *s = lock(m, look->key, &hash);
	const struct cache_slot *slot = slot_find(s, hash, look->key);
	*ret = (struct cache_found){.since = purges(s, hash),
				    .landed = s->landed[hash & (PURGES - 1)]};
	size_t others = 0;
	struct cache_object *o = slot ? choose(slot, look, &others) : NULL;
	ret->others = others > 0;
	if (o) {
		s3fifo_used(&o->node);
		tell_used(m, hash, o);
		ret->object = cache_object_ref(o);
	} else if (slot) {
		ret->refused = refusal(slot, look->space, now_ms);
	}
	/* Who asks for what no variant is of must not have all of them read each time. */
	if (!o && m->options.disk)
		ret->below = cache_disk_has(m->options.disk, hash, look->space) > others;
	unlock(s);
}

/* ---- putting in ---- */

/* What the new one stands for: of a note all notes, of an answer those of the same request, and
 * notes; the oldest of too many. */
static void replace(struct shard *s, struct cache_slot *slot, const struct cache_object *by,
		    struct cache_object **gone)
{
	struct cache_object *last = NULL;
	for (struct cache_object *o = slot->objects, *next; o; o = next) {
		next = o->next;
		bool same = span_equal(o->space, by->space);
		bool variant =
			span_equal(o->vary_names, by->vary_names) && span_equal(o->vary, by->vary);
		if (same && (o->rule || (!by->rule && variant)))
			object_out(s, o, gone);
		else
			last = o;
	}
	if (slot->objects_n >= CACHE_VARIANTS_MAX)
		object_out(s, last, gone);
}

/* What it takes, and a slot: others of its key may have the same one. */
static uint64_t size_of(const struct cache_object *o)
{
	return o->size + sizeof(struct cache_slot) + o->key.len;
}

static enum err put(struct shard *s, uint64_t hash, struct cache_object *o,
		    struct cache_object **gone)
{
	struct cache_slot *slot = slot_get(s, hash, o->key);
	if (!slot)
		return ENOMEM;
	replace(s, slot, o, gone);
	o->slot = slot;
	o->next = slot->objects;
	slot->objects = cache_object_ref(o);
	slot->objects_n++;
	o->node = (struct s3fifo_node){.size = size_of(o), .hash = hash};
	s3fifo_add(&s->fifo, &o->node);
	s->objects += !o->rule;
	make_room(s, gone);
	return OK;
}

enum err cache_memory_put(struct cache_memory *m, struct cache_object *o, uint64_t since,
			  uint64_t now_ms)
{
	uint64_t hash;
	struct cache_object *gone = NULL;
	enum err e = ERR_LIMIT;
	if (o->body && o->body->len > m->options.object_max)
		return ERR_LIMIT;
	if (o->rule)
		o->meta.response_s = now_ms / 1000;
	struct shard *s = lock(m, o->key, &hash);
	if (!o->rule && since != purges(s, hash))
		e = ERR_REFUSED;
	else if (size_of(o) <= s->fifo.capacity)
		e = put(s, hash, o, &gone);
	/* Under the lock, so that a purge comes before both or after both. */
	if (!e && !o->rule && m->options.disk && cache_object_is_due(o, now_ms))
		cache_disk_put(m->options.disk, hash, o);
	unlock(s);
	give_back(gone);
	return e;
}

static bool has_same(const struct shard *s, uint64_t hash, const struct cache_object *o)
{
	const struct cache_slot *slot = slot_find(s, hash, o->key);
	for (const struct cache_object *at = slot ? slot->objects : NULL; at; at = at->next)
		if (!at->rule && span_equal(at->space, o->space) &&
		    span_equal(at->vary_names, o->vary_names) && span_equal(at->vary, o->vary))
			return true;
	return false;
}

bool cache_memory_has_same(struct cache_memory *m, const struct cache_object *o)
{
	uint64_t hash;
	struct shard *s = lock(m, o->key, &hash);
	bool is = has_same(s, hash, o);
	unlock(s);
	return is;
}

enum err cache_memory_put_loaded(struct cache_memory *m, struct cache_object *o, uint64_t since)
{
	uint64_t hash;
	struct cache_object *gone = NULL;
	enum err e = ERR_LIMIT;
	struct shard *s = lock(m, o->key, &hash);
	if (since != purges(s, hash))
		e = ERR_REFUSED;
	else if (has_same(s, hash, o))
		e = ERR_EXISTS;
	else if (size_of(o) <= s->fifo.capacity)
		e = put(s, hash, o, &gone);
	unlock(s);
	give_back(gone);
	return e;
}

bool cache_memory_take(struct cache_memory *m, uint64_t bytes)
{
	uint64_t before = atomic_fetch_add_explicit(&m->coming, bytes, memory_order_relaxed);
	if (before + bytes <= m->options.size / COMING_PART)
		return true;
	cache_memory_give(m, bytes);
	return false;
}

void cache_memory_give(struct cache_memory *m, uint64_t bytes)
{
	(void)atomic_fetch_sub_explicit(&m->coming, bytes, memory_order_relaxed);
}

/* ---- flights ---- */

void cache_flight_unref(struct cache_flight *f)
{
	if (f && atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) == 1)
		free(f);
}

enum cache_flying cache_memory_fly(struct cache_memory *m, const struct cache_look *look,
				   unsigned thread, struct cache_flight **ret)
{
	uint64_t space = siphash13_of(m->options.key, look->space.data, look->space.len), hash;
	struct shard *s = lock(m, look->key, &hash);
	struct cache_slot *slot = slot_get(s, hash, look->key);
	struct cache_flight *f = slot ? slot->flights : NULL;
	enum cache_flying flying = CACHE_NO_FLIGHT;
	while (f && f->space_hash != space)
		f = f->next;
	if (f) {
		flying = CACHE_FOLLOWS;
		atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
		atomic_fetch_or_explicit(&f->threads, UINT64_C(1) << thread, memory_order_relaxed);
	} else if (look->landed != s->landed[hash & (PURGES - 1)]) {
		flying = CACHE_LOOK_AGAIN;
	} else if (slot && (f = calloc(1, sizeof(*f)))) {
		flying = CACHE_LEADS;
		atomic_init(&f->refs, 1);
		f->slot = slot;
		f->space_hash = space;
		f->next = slot->flights;
		slot->flights = f;
	}
	if (slot && !f)
		slot_leave(s, slot);
	unlock(s);
	*ret = f;
	return flying;
}

void cache_flight_land(struct cache_memory *m, struct cache_flight *f)
{
	struct cache_slot *slot = f->slot;
	uint64_t hash;
	/* The slot stays as long as the flight is in it. */
	struct shard *s = lock(m, span_of(slot->key, slot->key_len), &hash);
	struct cache_flight **at = &slot->flights;
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	s->landed[hash & (PURGES - 1)]++;
	atomic_store_explicit(&f->state, CACHE_LANDED, memory_order_release);
	uint64_t threads = atomic_load_explicit(&f->threads, memory_order_relaxed);
	slot_leave(s, slot);
	unlock(s);
	for (unsigned i = 0; i < CACHE_THREADS_MAX && threads; i++)
		if (threads >> i & 1)
			m->options.wake(m->options.arg, i);
	cache_flight_unref(f);
}

/* ---- for people ---- */

static bool is_meant(const struct cache_object *o, enum cache_purge what, struct span value)
{
	switch (what) {
	case CACHE_PURGE_KEY: return span_equal(o->key, value);
	case CACHE_PURGE_PREFIX:
		return o->key.len >= value.len && span_equal(span_sub(o->key, 0, value.len), value);
	case CACHE_PURGE_TAG: return cache_object_has_tag(o, value);
	case CACHE_PURGE_ALL: return true;
	}
	return false;
}

/* Each object of a queue; the walk may take out the one it stands at. */
static size_t purge_queue(struct shard *s, struct s3fifo_list *l, enum cache_purge what,
			  struct span value, struct cache_object **gone)
{
	size_t n = 0;
	for (struct s3fifo_node *at = l->oldest, *next; at; at = next) {
		struct cache_object *o =
			(struct cache_object *)(void *)((char *)at -
							offsetof(struct cache_object, node));
		next = at->newer;
		if (!is_meant(o, what, value))
			continue;
		struct cache_slot *slot = o->slot;
		n += !o->rule;
		object_out(s, o, gone);
		slot_leave(s, slot);
	}
	return n;
}

static size_t purge_key(struct cache_memory *m, struct span key)
{
	uint64_t hash;
	size_t n = 0;
	struct cache_object *gone = NULL;
	struct shard *s = lock(m, key, &hash);
	struct cache_slot *slot = slot_find(s, hash, key);
	size_t below = m->options.disk ? cache_disk_purge_key(m->options.disk, hash) : 0;
	s->purged[hash & (PURGES - 1)]++;
	while (slot && slot->objects) {
		n += !slot->objects->rule;
		object_out(s, slot->objects, &gone);
	}
	if (slot)
		slot_leave(s, slot);
	unlock(s);
	give_back(gone);
	/* What is here is mostly there, too. */
	return n > below ? n : below;
}

static size_t purge_memory(struct cache_memory *m, enum cache_purge what, struct span value)
{
	size_t n = 0;
	for (size_t i = 0; i < m->shards_n; i++) {
		struct shard *s = &m->shards[i];
		struct cache_object *gone = NULL;
		(void)pthread_mutex_lock(&s->lock);
		n += purge_queue(s, &s->fifo.small, what, value, &gone);
		n += purge_queue(s, &s->fifo.main, what, value, &gone);
		/* What tags an answer will have nobody knows yet. */
		s->swept++;
		unlock(s);
		give_back(gone);
	}
	return n;
}

size_t cache_memory_purge(struct cache_memory *m, enum cache_purge what, struct span value)
{
	struct cache_disk *disk = m->options.disk;
	if (what == CACHE_PURGE_KEY)
		return purge_key(m, value);
	size_t below = disk ? cache_disk_purge(disk, what, value) : 0;
	size_t n = purge_memory(m, what, value);
	if (disk)
		cache_disk_purge_again(disk, what, value);
	return n > below ? n : below;
}

void cache_memory_sums(struct cache_memory *m, struct cache_sums *ret)
{
	*ret = (struct cache_sums){.size = m->options.size};
	for (size_t i = 0; i < m->shards_n; i++) {
		struct shard *s = &m->shards[i];
		(void)pthread_mutex_lock(&s->lock);
		ret->objects += s->objects;
		ret->evicted += s->evicted;
		ret->bytes += s3fifo_size(&s->fifo);
		unlock(s);
	}
}

static bool each_of_slot(const struct cache_slot *slot,
			 bool (*call)(void *arg, const struct cache_object *o), void *arg)
{
	for (const struct cache_object *o = slot->objects; o; o = o->next)
		if (!call(arg, o))
			return false;
	return true;
}

void cache_memory_each(struct cache_memory *m, const struct span *key,
		       bool (*call)(void *arg, const struct cache_object *o), void *arg)
{
	uint64_t hash;
	bool more = true;
	if (key) {
		struct shard *s = lock(m, *key, &hash);
		const struct cache_slot *slot = slot_find(s, hash, *key);
		if (slot)
			(void)each_of_slot(slot, call, arg);
		unlock(s);
		return;
	}
	for (size_t i = 0; i < m->shards_n && more; i++) {
		struct shard *s = &m->shards[i];
		const struct cache_slot *slot;
		(void)pthread_mutex_lock(&s->lock);
		for (size_t at = 0; more && (slot = table_next(&s->slots, &at));)
			more = each_of_slot(slot, call, arg);
		unlock(s);
	}
}

void cache_memory_free(struct cache_memory *m)
{
	if (!m)
		return;
	(void)purge_memory(m, CACHE_PURGE_ALL, (struct span){0});
	for (size_t i = 0; i < m->shards_n; i++) {
		s3fifo_done(&m->shards[i].fifo);
		table_done(&m->shards[i].slots);
		(void)pthread_mutex_destroy(&m->shards[i].lock);
	}
	free(m);
}
