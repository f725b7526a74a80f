#include "http-cache/disk/index.h"

#include <stdlib.h>

enum {
	CHUNK = 16 * 1024,	    /* entries */
	BYTES_OF_BUCKET = 8 * 1024, /* of the disk */
	BUCKETS_MIN = 1024,
	BUCKETS_MAX = 1 << 28,
	GHOSTS_MAX = 1 << 20,
	SMALL_PART = 10, /* a tenth of all segments is the small queue's */
};

enum err disk_index_init(struct disk_index *x, const struct disk_shape *shape)
{
	uint64_t entries = (uint64_t)shape->segments * shape->entries;
	*x = (struct disk_index){.shape = *shape, .buckets_n = BUCKETS_MIN};
	while (x->buckets_n < BUCKETS_MAX && x->buckets_n < shape->size / BYTES_OF_BUCKET)
		x->buckets_n *= 2;
	x->chunks_max = (size_t)((entries + CHUNK - 1) / CHUNK);
	x->segments = calloc(shape->segments, sizeof(*x->segments));
	x->dead = calloc(shape->segments, shape->entries / 8);
	x->buckets = calloc(x->buckets_n, sizeof(*x->buckets));
	x->chunks = calloc(x->chunks_max, sizeof(struct disk_index_entry *));
	x->free_n = shape->segments;
	size_t ghosts = x->buckets_n / 2;
	enum err e = ghosts_init(&x->ghosts, ghosts < GHOSTS_MAX ? ghosts : GHOSTS_MAX);
	if (!e && x->segments && x->dead && x->buckets && x->chunks)
		return OK;
	disk_index_done(x);
	return ENOMEM;
}

void disk_index_done(struct disk_index *x)
{
	for (size_t i = 0; i < x->chunks_n; i++)
		free(x->chunks[i]);
	free(TAKE(x->chunks));
	free(TAKE(x->segments));
	free(TAKE(x->dead));
	free(TAKE(x->buckets));
	ghosts_done(&x->ghosts);
	x->chunks_n = 0;
}

uint64_t disk_index_memory(const struct disk_index *x)
{
	return x->chunks_n * CHUNK * sizeof(struct disk_index_entry) +
	       x->chunks_max * sizeof(struct disk_index_entry *) +
	       x->buckets_n * sizeof(*x->buckets) + x->ghosts.n * sizeof(*x->ghosts.at) +
	       (uint64_t)x->shape.segments * (sizeof(*x->segments) + x->shape.entries / 8);
}

/* ---- entries ---- */

static struct disk_index_entry *entry_of(const struct disk_index *x, uint32_t number)
{
	return &x->chunks[(number - 1) / CHUNK][(number - 1) % CHUNK];
}

static uint64_t hash_of(const struct disk_index_entry *e)
{
	return (uint64_t)e->hash[1] << 32 | e->hash[0];
}

static uint32_t *bucket_of(const struct disk_index *x, uint64_t hash)
{
	return &x->buckets[hash & (x->buckets_n - 1)];
}

/* 0: no memory. */
static uint32_t entry_new(struct disk_index *x)
{
	uint32_t number = x->spare;
	if (number) {
		x->spare = entry_of(x, number)->next;
		return number;
	}
	if (x->given == x->chunks_n * CHUNK) {
		struct disk_index_entry *more =
			x->chunks_n < x->chunks_max ? calloc(CHUNK, sizeof(*more)) : NULL;
		if (!more)
			return 0;
		x->chunks[x->chunks_n++] = more;
	}
	return ++x->given;
}

static struct disk_place place_of(const struct disk_index_entry *e)
{
	return (struct disk_place){.hash = hash_of(e),
				   .names = e->names,
				   .variant = e->variant,
				   .epoch = e->epoch,
				   .at = e->at,
				   .len = e->len,
				   .segment = e->segment,
				   .slot = e->slot,
				   .space = e->space,
				   .uses = e->uses};
}

void disk_index_mark(struct disk_index *x, uint32_t segment, uint32_t slot)
{
	disk_index_dead(x, segment)[slot / 8] |= (uint8_t)(1 << slot % 8);
	x->segments[segment].dirty = x->dirty = true;
}

/* Out of its bucket; it is free. */
static void entry_out(struct disk_index *x, uint32_t *at)
{
	uint32_t number = *at;
	struct disk_index_entry *e = entry_of(x, number);
	struct disk_segment *s = &x->segments[e->segment];
	x->objects--;
	x->units -= e->len;
	x->mains -= s->queue == DISK_MAIN;
	s->live--;
	*at = e->next;
	*e = (struct disk_index_entry){.next = x->spare};
	x->spare = number;
}

static void entry_kill(struct disk_index *x, uint32_t *at)
{
	const struct disk_index_entry *e = entry_of(x, *at);
	disk_index_mark(x, e->segment, e->slot);
	entry_out(x, at);
}

size_t disk_index_replace(struct disk_index *x, uint64_t hash, uint16_t space, uint32_t variant)
{
	size_t n = 0;
	uint32_t *at = bucket_of(x, hash);
	while (*at) {
		struct disk_index_entry *e = entry_of(x, *at);
		if (hash_of(e) != hash || e->space != space || e->variant != variant) {
			at = &e->next;
			continue;
		}
		entry_kill(x, at);
		n++;
	}
	return n;
}

void disk_index_ahead(const struct disk_index *x, uint64_t hash)
{
	uint32_t number = *bucket_of(x, hash);
	if (number)
		__builtin_prefetch(entry_of(x, number));
}

enum err disk_index_add(struct disk_index *x, const struct disk_place *p)
{
	(void)disk_index_replace(x, p->hash, p->space, p->variant);
	return disk_index_add_new(x, p);
}

enum err disk_index_add_new(struct disk_index *x, const struct disk_place *p)
{
	uint32_t number = entry_new(x);
	if (!number)
		return ENOMEM;
	uint32_t *bucket = bucket_of(x, p->hash);
	struct disk_segment *s = &x->segments[p->segment];
	*entry_of(x, number) =
		(struct disk_index_entry){.hash = {(uint32_t)p->hash, (uint32_t)(p->hash >> 32)},
					  .names = p->names,
					  .variant = p->variant,
					  .epoch = p->epoch,
					  .at = p->at,
					  .len = p->len,
					  .next = *bucket,
					  .slot = p->slot & (DISK_SLOTS_MAX - 1),
					  .uses = (uint8_t)(p->uses & DISK_USES_MAX),
					  .segment = (uint16_t)p->segment,
					  .space = p->space};
	*bucket = number;
	x->objects++;
	x->units += p->len;
	x->mains += s->queue == DISK_MAIN;
	s->live++;
	return OK;
}

size_t disk_index_find(const struct disk_index *x, uint64_t hash, uint16_t space,
		       struct disk_place *ret, size_t max)
{
	size_t n = 0;
	for (uint32_t at = *bucket_of(x, hash); at && n < max; at = entry_of(x, at)->next)
		if (hash_of(entry_of(x, at)) == hash && entry_of(x, at)->space == space)
			ret[n++] = place_of(entry_of(x, at));
	return n;
}

bool disk_index_has(const struct disk_index *x, uint64_t hash, uint16_t space)
{
	struct disk_place ignored;
	return disk_index_find(x, hash, space, &ignored, 1) > 0;
}

size_t disk_index_count(const struct disk_index *x, uint64_t hash)
{
	size_t n = 0;
	for (uint32_t at = *bucket_of(x, hash); at; at = entry_of(x, at)->next)
		n += hash_of(entry_of(x, at)) == hash;
	return n;
}

/* The link that leads to that record; NULL: none does. */
static uint32_t *link_to(const struct disk_index *x, const struct disk_place *p)
{
	uint32_t *at = bucket_of(x, p->hash);
	for (; *at; at = &entry_of(x, *at)->next) {
		const struct disk_index_entry *e = entry_of(x, *at);
		if (e->segment == p->segment && e->slot == p->slot && hash_of(e) == p->hash)
			return at;
	}
	return NULL;
}

bool disk_index_is_at(const struct disk_index *x, const struct disk_place *p)
{
	return link_to(x, p) != NULL;
}

void disk_index_used(struct disk_index *x, uint64_t hash)
{
	for (uint32_t at = *bucket_of(x, hash); at; at = entry_of(x, at)->next) {
		struct disk_index_entry *e = entry_of(x, at);
		if (hash_of(e) == hash && e->uses < DISK_USES_MAX)
			e->uses++;
	}
}

size_t disk_index_kill(struct disk_index *x, uint64_t hash)
{
	size_t n = 0;
	uint32_t *at = bucket_of(x, hash);
	while (*at) {
		if (hash_of(entry_of(x, *at)) != hash) {
			at = &entry_of(x, *at)->next;
			continue;
		}
		entry_kill(x, at);
		n++;
	}
	return n;
}

void disk_index_drop(struct disk_index *x, const struct disk_place *p)
{
	uint32_t *at = link_to(x, p);
	if (at)
		entry_kill(x, at);
}

void disk_index_evict(struct disk_index *x, const struct disk_place *p)
{
	uint32_t *at = link_to(x, p);
	if (!at)
		return;
	if (x->segments[p->segment].queue == DISK_SMALL)
		ghosts_add(&x->ghosts, p->hash);
	x->evicted++;
	entry_out(x, at);
}

bool disk_index_next(const struct disk_index *x, uint32_t *at, struct disk_place *ret)
{
	while (*at < x->given) {
		const struct disk_index_entry *e = entry_of(x, ++*at);
		if (!e->len)
			continue;
		*ret = place_of(e);
		return true;
	}
	return false;
}

/* All of one segment, or of all. */
static size_t sweep(struct disk_index *x, const uint32_t *segment, bool dead)
{
	size_t n = 0;
	struct disk_place p;
	for (uint32_t at = 0; disk_index_next(x, &at, &p);) {
		if (segment && p.segment != *segment)
			continue;
		n++;
		if (dead)
			disk_index_drop(x, &p);
		else
			disk_index_evict(x, &p);
	}
	return n;
}

size_t disk_index_clear(struct disk_index *x)
{
	return sweep(x, NULL, true);
}

/* ---- segments ---- */

static size_t *count_of(struct disk_index *x, const struct disk_segment *s)
{
	return s->queue == DISK_MAIN ? &x->main_n : &x->small_n;
}

bool disk_index_open(struct disk_index *x, enum disk_queue queue, uint32_t *ret_segment)
{
	for (uint32_t i = 0; x->free_n && i < x->shape.segments; i++) {
		struct disk_segment *s = &x->segments[i];
		if (s->state != DISK_FREE)
			continue;
		*s = (struct disk_segment){
			.seq = ++x->seq, .state = DISK_OPEN, .queue = (uint8_t)queue};
		memset(disk_index_dead(x, i), 0, x->shape.entries / 8);
		x->free_n--;
		++*count_of(x, s);
		*ret_segment = i;
		return true;
	}
	return false;
}

void disk_index_seal(struct disk_index *x, uint32_t segment)
{
	x->segments[segment].state = DISK_SEALED;
}

void disk_index_found(struct disk_index *x, uint32_t segment, uint64_t seq, enum disk_queue queue,
		      uint32_t used)
{
	struct disk_segment *s = &x->segments[segment];
	*s = (struct disk_segment){
		.seq = seq, .used = used, .state = DISK_SEALED, .queue = (uint8_t)queue};
	x->free_n--;
	++*count_of(x, s);
	disk_index_was(x, seq);
}

void disk_index_was(struct disk_index *x, uint64_t seq)
{
	if (seq > x->seq)
		x->seq = seq;
}

/* The queue that is to give: the small one when it has more than its part, or is all there is. */
static enum disk_queue giver(const struct disk_index *x)
{
	size_t part = x->shape.segments / SMALL_PART;
	return x->small_n > (part ? part : 1) || !x->main_n ? DISK_SMALL : DISK_MAIN;
}

bool disk_index_victim(const struct disk_index *x, uint32_t *ret_segment)
{
	const struct disk_segment *best = NULL;
	enum disk_queue queue = giver(x);
	for (uint32_t i = 0; i < x->shape.segments; i++) {
		const struct disk_segment *s = &x->segments[i];
		if (s->state != DISK_SEALED || s->pins)
			continue;
		/* One that holds nothing costs nothing. */
		bool better = !best || (best->live && !s->live);
		bool same = best && !best->live == !s->live;
		if (same && (s->queue == queue) != (best->queue == queue))
			better = s->queue == queue;
		else if (same)
			better = s->seq < best->seq;
		if (better)
			best = s;
	}
	if (!best)
		return false;
	*ret_segment = (uint32_t)(best - x->segments);
	return true;
}

bool disk_index_stays(struct disk_index *x, const struct disk_place *p, uint8_t *ret_uses)
{
	const uint32_t *at = link_to(x, p);
	uint8_t uses = at ? entry_of(x, *at)->uses : 0;
	if (!uses)
		return false;
	*ret_uses = x->segments[p->segment].queue == DISK_MAIN ? (uint8_t)(uses - 1) : 0;
	return true;
}

void disk_index_free(struct disk_index *x, uint32_t segment)
{
	struct disk_segment *s = &x->segments[segment];
	if (s->live)
		(void)sweep(x, &segment, false);
	--*count_of(x, s);
	s->dirty = false;
	s->state = s->pins ? DISK_DYING : DISK_FREE;
	x->free_n += !s->pins;
}

void disk_index_pin(struct disk_index *x, uint32_t segment)
{
	x->segments[segment].pins++;
}

void disk_index_unpin(struct disk_index *x, uint32_t segment)
{
	struct disk_segment *s = &x->segments[segment];
	if (--s->pins || s->state != DISK_DYING)
		return;
	s->state = DISK_FREE;
	x->free_n++;
}
