/* Each shard is a log: entries are appended at its head, and its tail gives room. An entry that was
 * used since it was written is written again at the head instead of being lost, at most CHANCES_MAX
 * times for each use, so the log is a clock. No byte is lost to fragments, and the bound is one
 * allocation. */
#include "service/resolver/cache.h"

#include "base/siphash.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#define SHARD_BYTES    (512u * 1024)
#define SHARDS_MAX     1024u
#define GRAIN	       8u /* entries start and end on it */
#define BYTES_A_BUCKET 256u
#define USES_MAX       2u    /* times that an entry may be written again without another use */
#define AGAIN_MAX      4096u /* bytes of an entry that can be carried over the log's end */
#define CHANCES_MAX    32u   /* entries that one cache_put writes again before it takes any */

struct entry {
	uint64_t hash;
	uint64_t stored_ms, expires_ms;
	uint32_t size; /* all of it, a multiple of GRAIN */
	uint32_t next; /* in the bucket: position / GRAIN + 1; 0: the last */
	uint32_t payload_len;
	uint32_t turn;
	uint16_t type;
	uint8_t kind, rank, name_len;
	uint8_t uses;
	bool live;
	uint8_t pad[1];
	uint8_t bytes[]; /* name, payload */
};
static_assert(sizeof(struct entry) % GRAIN == 0, "entries are laid end to end");

struct shard {
	pthread_mutex_t lock;
	uint8_t *log;		  /* cap bytes, inside of cache.memory */
	uint32_t *buckets;	  /* buckets_n, a power of two */
	uint64_t cap, head, tail; /* head and tail only grow; the place is modulo cap */
	uint32_t buckets_n;
	struct cache_stats stats;
} __attribute__((aligned(64)));

struct cache {
	struct hash_key secret;
	uint32_t shards_n; /* a power of two */
	size_t bytes;
	uint8_t *memory;
	struct shard *shards;
};

static uint32_t power_of_two_below(size_t n, uint32_t max)
{
	uint32_t p = 1;
	while (p < max && (size_t)p * 2 <= n)
		p *= 2;
	return p;
}

enum err cache_new(size_t bytes, const uint8_t secret[16], struct cache **ret)
{
	if (bytes < CACHE_BYTES_MIN)
		bytes = CACHE_BYTES_MIN;
	struct cache *c = calloc(1, sizeof(*c));
	if (!c)
		return ENOMEM;
	c->secret = hash_key_of(secret);
	c->shards_n = power_of_two_below(bytes / SHARD_BYTES, SHARDS_MAX);
	c->bytes = bytes;
	size_t fixed = sizeof(*c) + c->shards_n * sizeof(struct shard);
	size_t each = (bytes - fixed) / c->shards_n / GRAIN * GRAIN;
	uint32_t buckets_n = power_of_two_below(each / BYTES_A_BUCKET, 1u << 30);
	size_t cap = (each - buckets_n * sizeof(uint32_t)) / GRAIN * GRAIN;
	c->shards = aligned_alloc(64, c->shards_n * sizeof(struct shard));
	c->memory =
		calloc(c->shards_n, each); /* untouched pages cost nothing until they are used */
	if (!c->shards || !c->memory) {
		free(c->shards);
		free(c->memory);
		free(c);
		return ENOMEM;
	}
	memset(c->shards, 0, c->shards_n * sizeof(struct shard));
	for (uint32_t i = 0; i < c->shards_n; i++) {
		struct shard *s = &c->shards[i];
		(void)pthread_mutex_init(&s->lock, NULL);
		s->log = c->memory + i * each;
		s->cap = cap;
		s->buckets = (uint32_t *)(void *)(s->log + cap);
		s->buckets_n = buckets_n;
	}
	*ret = c;
	return OK;
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	for (uint32_t i = 0; i < c->shards_n; i++)
		(void)pthread_mutex_destroy(&c->shards[i].lock);
	free(c->shards);
	free(c->memory);
	free(c);
}

static uint64_t key_hash(const struct cache *c, const struct cache_key *key)
{
	uint8_t text[255 + 3];
	size_t len = key->name.len;
	ASSERT(len <= 255);
	memcpy(text, key->name.data, len); /* a name of at most 255 bytes, as asserted */
	text[len] = key->kind;
	text[len + 1] = (uint8_t)(key->type >> 8);
	text[len + 2] = (uint8_t)key->type;
	return siphash13_of(c->secret, text, len + 3);
}

static struct shard *shard_of(struct cache *c, uint64_t hash)
{
	return &c->shards[(hash >> 32) & (c->shards_n - 1)];
}

static struct entry *entry_at(const struct shard *s, uint64_t position)
{
	return (struct entry *)(void *)(s->log + position % s->cap);
}

static uint32_t entry_link(const struct shard *s, const struct entry *e)
{
	return (uint32_t)((size_t)((const uint8_t *)e - s->log) / GRAIN) + 1;
}

static struct entry *entry_of(const struct shard *s, uint32_t link)
{
	return link ? (struct entry *)(void *)(s->log + (size_t)(link - 1) * GRAIN) : NULL;
}

static uint32_t *bucket_of(struct shard *s, uint64_t hash)
{
	return &s->buckets[hash & (s->buckets_n - 1)];
}

static bool entry_is(const struct entry *e, uint64_t hash, const struct cache_key *key)
{
	return e->hash == hash && e->kind == key->kind && e->type == key->type &&
	       e->name_len == key->name.len && memcmp(e->bytes, key->name.data, key->name.len) == 0;
}

/* Where the link to the entry stands, or NULL. */
static uint32_t *link_find(struct shard *s, uint64_t hash, const struct cache_key *key)
{
	for (uint32_t *link = bucket_of(s, hash); *link; link = &entry_of(s, *link)->next)
		if (entry_is(entry_of(s, *link), hash, key))
			return link;
	return NULL;
}

static void entry_kill(struct shard *s, uint32_t *link)
{
	struct entry *e = entry_of(s, *link);
	*link = e->next;
	e->live = false;
	s->stats.entries--;
}

static void entry_unlink(struct shard *s, const struct entry *e)
{
	uint32_t self = entry_link(s, e);
	for (uint32_t *link = bucket_of(s, e->hash); *link; link = &entry_of(s, *link)->next)
		if (*link == self) {
			*link = e->next;
			return;
		}
	ASSERT(false); /* a live entry is in its bucket */
}

static void entry_insert(struct shard *s, struct entry *e)
{
	uint32_t *bucket = bucket_of(s, e->hash);
	e->next = *bucket;
	*bucket = entry_link(s, e);
}

/* The live entry that the key names; one that is too old is killed on the way. */
static struct entry *entry_find(struct shard *s, uint64_t hash, const struct cache_key *key,
				uint64_t now_ms)
{
	uint32_t *link = link_find(s, hash, key);
	if (!link)
		return NULL;
	struct entry *e = entry_of(s, *link);
	if (e->expires_ms > now_ms)
		return e;
	entry_kill(s, link);
	return NULL;
}

static struct cache_entry entry_show(struct entry *e)
{
	return (struct cache_entry){.payload = span_of(e->bytes + e->name_len, e->payload_len),
				    .rank = e->rank,
				    .stored_ms = e->stored_ms,
				    .expires_ms = e->expires_ms,
				    .turn = &e->turn};
}

bool cache_visit(struct cache *c, const struct cache_key *key, uint64_t now_ms,
		 bool (*see)(void *arg, const struct cache_entry *e), void *arg)
{
	uint64_t hash = key_hash(c, key);
	struct shard *s = shard_of(c, hash);
	bool seen = false;
	pthread_mutex_lock(&s->lock);
	struct entry *e = entry_find(s, hash, key, now_ms);
	if (e) {
		struct cache_entry shown = entry_show(e);
		seen = see(arg, &shown);
		e->uses = USES_MAX;
		s->stats.hits++;
	} else {
		s->stats.misses++;
	}
	pthread_mutex_unlock(&s->lock);
	return seen;
}

struct copy {
	void *room;
	size_t cap;
	struct cache_entry *ret;
};

static bool copy_out(void *arg, const struct cache_entry *e)
{
	const struct copy *copy = arg;
	if (e->payload.len > copy->cap)
		return false;
	memcpy(copy->room, e->payload.data, e->payload.len); /* bounded by cap above */
	*copy->ret = *e;
	copy->ret->payload.data = copy->room;
	copy->ret->turn = NULL;
	return true;
}

bool cache_get(struct cache *c, const struct cache_key *key, uint64_t now_ms, void *room,
	       size_t cap, struct cache_entry *ret)
{
	struct copy copy = {room, cap, ret};
	return cache_visit(c, key, now_ms, copy_out, &copy);
}

bool cache_has(struct cache *c, const struct cache_key *key, uint64_t now_ms, uint8_t *rank)
{
	uint64_t hash = key_hash(c, key);
	struct shard *s = shard_of(c, hash);
	pthread_mutex_lock(&s->lock);
	const struct entry *e = entry_find(s, hash, key, now_ms);
	if (e && rank)
		*rank = e->rank;
	pthread_mutex_unlock(&s->lock);
	return e != NULL;
}

/* Bytes from head to the end of the log, when an entry of this size would not fit there: they are
 * skipped, so that every entry lies in one piece. */
static uint64_t skip_for(const struct shard *s, size_t size)
{
	uint64_t at = s->head % s->cap;
	return at + size > s->cap ? s->cap - at : 0;
}

static bool fits(const struct shard *s, size_t size)
{
	return s->head + skip_for(s, size) + size - s->tail <= s->cap;
}

/* Room at the head; the caller has made sure that it fits. */
static struct entry *log_append(struct shard *s, size_t size)
{
	uint64_t skip = skip_for(s, size);
	if (skip >= sizeof(struct entry)) {
		struct entry *gap = entry_at(s, s->head);
		*gap = (struct entry){.size = (uint32_t)skip};
	}
	s->head += skip;
	struct entry *e = entry_at(s, s->head);
	s->head += size;
	return e;
}

/* Length of the entry or gap at the tail. A gap too short for a header has none. */
static uint64_t tail_size(const struct shard *s)
{
	uint64_t at = s->tail % s->cap;
	if (s->cap - at < sizeof(struct entry))
		return s->cap - at;
	return entry_at(s, s->tail)->size;
}

/* Takes the oldest entry off the log and out of its bucket; NULL when it was dead or a gap. Its
 * bytes are good until the log grows. */
static struct entry *tail_take(struct shard *s)
{
	uint64_t size = tail_size(s);
	bool is_entry = s->cap - s->tail % s->cap >= sizeof(struct entry);
	struct entry *e = is_entry ? entry_at(s, s->tail) : NULL;
	s->tail += size;
	if (!e || !e->live)
		return NULL;
	entry_unlink(s, e);
	s->stats.entries--;
	return e;
}

static void evict(struct shard *s, uint64_t now_ms)
{
	struct entry *e = tail_take(s);
	if (e && e->expires_ms > now_ms)
		s->stats.evicted++;
}

/* Writes an entry that was just taken off once more at the head. */
static void write_again(struct shard *s, struct entry *e, uint64_t now_ms)
{
	uint64_t copy[AGAIN_MAX / sizeof(uint64_t)];
	struct entry *again;
	size_t size = e->size;
	e->uses--;
	if (skip_for(s, size) ==
	    0) { /* there is room where it was, right before the tail or under it */
		again = entry_at(s, s->head);
		s->head += size;
		memmove(again, e, size); /* old and new place may overlap */
	} else { /* once around the log: the gap at its end may cost the next few entries */
		memcpy(copy, e, size); /* the caller has made sure that it is at most AGAIN_MAX */
		while (!fits(s, size))
			evict(s, now_ms);
		again = log_append(s, size);
		memcpy(again, copy, size);
	}
	entry_insert(s, again);
	s->stats.entries++;
}

/* Takes the oldest entry off the log. One that was used goes back in at the head when it may. */
static void tail_drop(struct shard *s, uint64_t now_ms, unsigned *chances)
{
	struct entry *e = tail_take(s);
	if (!e || e->expires_ms <= now_ms)
		return;
	if (e->uses && *chances && (e->size <= AGAIN_MAX || skip_for(s, e->size) == 0)) {
		(*chances)--;
		write_again(s, e, now_ms);
	} else {
		s->stats.evicted++;
	}
}

static struct entry *make_room(struct shard *s, size_t size, uint64_t now_ms)
{
	unsigned chances = CHANCES_MAX;
	while (!fits(s, size))
		tail_drop(s, now_ms, &chances);
	return log_append(s, size);
}

static size_t entry_size(const struct cache_key *key, struct span payload)
{
	size_t size = sizeof(struct entry) + key->name.len + payload.len;
	return (size + GRAIN - 1) / GRAIN * GRAIN;
}

static void entry_fill(struct entry *e, const struct cache_key *key, struct span payload)
{
	e->type = key->type;
	e->kind = key->kind;
	e->name_len = (uint8_t)key->name.len;
	e->payload_len = (uint32_t)payload.len;
	/* entry_size counted both */
	memcpy(e->bytes, key->name.data, key->name.len);
	if (payload.len)
		memcpy(e->bytes + e->name_len, payload.data, payload.len);
}

bool cache_put(struct cache *c, const struct cache_key *key, uint64_t now_ms, uint64_t ttl_ms,
	       uint8_t rank, struct span payload)
{
	uint64_t hash = key_hash(c, key);
	struct shard *s = shard_of(c, hash);
	size_t size = entry_size(key, payload);
	if (ttl_ms == 0 || payload.len > CACHE_PAYLOAD_MAX || size > s->cap / 2)
		return false;
	pthread_mutex_lock(&s->lock);
	struct entry *old = entry_find(s, hash, key, now_ms);
	uint8_t uses = 0;
	uint32_t turn = (uint32_t)hash;
	bool stored = !old || old->rank <= rank;
	if (stored) {
		if (old) {
			uses = old->uses;
			turn = old->turn;
			entry_kill(s, link_find(s, hash, key));
		}
		struct entry *e = make_room(s, size, now_ms);
		*e = (struct entry){.hash = hash,
				    .stored_ms = now_ms,
				    .expires_ms = now_ms + ttl_ms,
				    .size = (uint32_t)size,
				    .rank = rank,
				    .uses = uses,
				    .turn = turn,
				    .live = true};
		entry_fill(e, key, payload);
		entry_insert(s, e);
		s->stats.entries++;
		s->stats.stored++;
	} else {
		s->stats.refused++;
	}
	pthread_mutex_unlock(&s->lock);
	return stored;
}

bool cache_remove(struct cache *c, const struct cache_key *key)
{
	uint64_t hash = key_hash(c, key);
	struct shard *s = shard_of(c, hash);
	pthread_mutex_lock(&s->lock);
	uint32_t *link = link_find(s, hash, key);
	if (link)
		entry_kill(s, link);
	pthread_mutex_unlock(&s->lock);
	return link != NULL;
}

/* The next live entry from *position on, which it moves past; NULL at the head. */
static struct entry *walk_next(const struct shard *s, uint64_t *position)
{
	while (*position < s->head) {
		uint64_t left = s->cap - *position % s->cap;
		if (left < sizeof(struct entry)) {
			*position += left;
			continue;
		}
		struct entry *e = entry_at(s, *position);
		*position += e->size;
		if (e->live)
			return e;
	}
	return NULL;
}

/* Is the one name under the other? Both lower case wire form. */
static bool is_under(const uint8_t *name, size_t len, struct span parent)
{
	if (len < parent.len || memcmp(name + len - parent.len, parent.data, parent.len) != 0)
		return false;
	size_t at = 0; /* the suffix must begin at a label, not inside of one */
	while (at < len - parent.len)
		at += (size_t)name[at] + 1;
	return at == len - parent.len;
}

static bool entry_to_flush(const struct entry *e, struct span name, uint16_t type, bool below)
{
	if (!(below ? is_under(e->bytes, e->name_len, name)
		    : span_equal(span_of(e->bytes, e->name_len), name)))
		return false;
	/* Entries of type 0 (NXDOMAIN, delegations) speak of all types. */
	return type == 0 || e->type == 0 || e->type == type;
}

static size_t shard_flush(struct shard *s, struct span name, uint16_t type, bool below)
{
	size_t gone = 0;
	struct entry *e;
	for (uint64_t at = s->tail; (e = walk_next(s, &at)) != NULL;) {
		bool whole = cache_kind_is_whole(e->kind);
		if (!whole && !entry_to_flush(e, name, type, below))
			continue;
		entry_unlink(s, e);
		e->live = false;
		s->stats.entries--;
		gone += !whole;
	}
	return gone;
}

size_t cache_flush(struct cache *c, struct span name, uint16_t type, bool below)
{
	size_t gone = 0;
	for (uint32_t i = 0; i < c->shards_n; i++) {
		struct shard *s = &c->shards[i];
		pthread_mutex_lock(&s->lock);
		gone += shard_flush(s, name, type, below);
		pthread_mutex_unlock(&s->lock);
	}
	return gone;
}

void cache_list(struct cache *c, struct span name, uint64_t now_ms,
		bool (*see)(void *arg, const struct cache_key *key, const struct cache_entry *e),
		void *arg)
{
	bool more = true;
	for (uint32_t i = 0; i < c->shards_n && more; i++) {
		struct shard *s = &c->shards[i];
		pthread_mutex_lock(&s->lock);
		struct entry *e;
		for (uint64_t at = s->tail; more && (e = walk_next(s, &at)) != NULL;) {
			struct cache_key key = {span_of(e->bytes, e->name_len), e->type, e->kind};
			struct cache_entry shown = entry_show(e);
			if (e->expires_ms > now_ms && span_equal(key.name, name))
				more = see(arg, &key, &shown);
		}
		pthread_mutex_unlock(&s->lock);
	}
}

void cache_stats(struct cache *c, struct cache_stats *ret)
{
	struct cache_stats sum = {.bytes_max = c->bytes};
	for (uint32_t i = 0; i < c->shards_n; i++) {
		struct shard *s = &c->shards[i];
		pthread_mutex_lock(&s->lock);
		sum.entries += s->stats.entries;
		sum.bytes += s->head - s->tail;
		sum.hits += s->stats.hits;
		sum.misses += s->stats.misses;
		sum.stored += s->stats.stored;
		sum.evicted += s->stats.evicted;
		sum.refused += s->stats.refused;
		pthread_mutex_unlock(&s->lock);
	}
	*ret = sum;
}
