#include "http-cache/disk/io_disk_inner.h"

#include "base/writer.h"
#include "http-cache/vary.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/image.h"

#include <stdlib.h>
#include <time.h>

enum {
	ENTRIES_AT_ONCE = 1024,
	ENTRIES_AHEAD = 32,
	REST_MS = 10000,
	AHEAD_SEGMENTS = 256,
	AHEAD_MAX = 128 * 1024,
};

void disk_lock(struct cache_disk *d)
{
	(void)pthread_mutex_lock(&d->lock);
}

void disk_unlock(struct cache_disk *d)
{
	(void)pthread_mutex_unlock(&d->lock);
}

struct timespec disk_after(unsigned ms)
{
	uint64_t at_ms = clock_monotonic_ms() + ms;
	return (struct timespec){.tv_sec = (time_t)(at_ms / 1000),
				 .tv_nsec = (long)(at_ms % 1000) * 1000000};
}

void disk_read_failed(struct cache_disk *d, enum err e)
{
	if (e == ERR_FORMAT) {
		d->sums.torn++;
		return;
	}
	d->sums.read_errors++;
	d->sums.last = e;
}

/* A disk that is full or broken is left alone for a while. */
void disk_write_failed(struct cache_disk *d, enum err e)
{
	d->sums.write_errors++;
	d->sums.last = e;
	d->unsure = true;
	d->rest_until_ms = clock_monotonic_ms() + REST_MS;
}

/* ---- what is there at the start ---- */

/* Which of two records of the same thing is newer: the one that is in the index, or this. */
static bool is_newer(const struct cache_disk *d, const struct disk_place *there, uint64_t order)
{
	uint8_t bytes[DISK_ENTRY_LEN];
	struct disk_entry e;
	uint64_t seq = d->index.segments[there->segment].seq;
	if (image_read(d->fd, disk_entry_at(&d->shape, there->segment, there->slot), bytes,
		       sizeof(bytes)) ||
	    !disk_entry_read(d->key, seq, &d->shape, bytes, &e))
		return true;
	return order > e.order;
}

static enum err found_entry(struct cache_disk *d, const struct disk_entry *e, uint32_t segment,
			    uint32_t slot)
{
	struct disk_place same[CACHE_VARIANTS_MAX];
	const struct disk_place p = {.hash = e->hash,
				     .names = e->names,
				     .variant = e->variant,
				     .epoch = e->epoch,
				     .at = e->at,
				     .len = e->len,
				     .segment = segment,
				     .slot = slot,
				     .space = e->space};
	if (e->order > d->order)
		d->order = e->order;
	if (e->epoch > d->rules->epoch)
		d->rules->epoch = e->epoch;
	if (disk_bit(disk_index_dead(&d->index, segment), slot))
		return OK;
	bool wanted =
		e->epoch >= d->rules->floor && !disk_forgotten_means(d->found, e->hash, e->order);
	bool only = true;
	size_t n = disk_index_find(&d->index, e->hash, e->space, same, CACHE_VARIANTS_MAX);
	for (size_t i = 0; i < n && wanted; i++) {
		only = only && same[i].variant != e->variant;
		wanted = same[i].variant != e->variant || is_newer(d, &same[i], e->order);
	}
	if (wanted && only)
		return disk_index_add_new(&d->index, &p);
	if (wanted)
		return disk_index_add(&d->index, &p);
	disk_index_mark(&d->index, segment, slot);
	return OK;
}

/* Those of a table from slot on; false: there are no more behind them. */
static bool found_entries(struct cache_disk *d, uint32_t segment, uint32_t slot, uint32_t n,
			  const uint8_t *bytes, enum err *ret)
{
	struct disk_entry e[ENTRIES_AHEAD];
	uint64_t seq = d->index.segments[segment].seq;
	uint32_t good = 0;
	while (good < n &&
	       disk_entry_read(d->key, seq, &d->shape, bytes + good * DISK_ENTRY_LEN, &e[good])) {
		disk_index_ahead(&d->index, e[good].hash);
		good++;
	}
	for (uint32_t i = 0; i < good && !*ret; i++) {
		*ret = found_entry(d, &e[i], segment, slot + i);
		d->index.segments[segment].used = slot + i + 1;
	}
	return good == n && !*ret;
}

/* The entries of one segment, up to the first that is none. */
static enum err found_segment(struct cache_disk *d, uint32_t segment, uint8_t *room)
{
	uint8_t page[DISK_PAGE];
	uint64_t seq;
	enum disk_queue queue;
	const struct disk_shape *s = &d->shape;
	TRY(image_read(d->fd, disk_segment_at(s, segment), page, sizeof(page)));
	if (!disk_segment_read(d->key, page, &seq, &queue))
		return OK;
	if (queue == DISK_NEITHER) {
		disk_index_was(&d->index, seq);
		return OK;
	}
	disk_index_found(&d->index, segment, seq, queue, 0);
	TRY(image_read(d->fd, disk_dead_at(s, segment), disk_index_dead(&d->index, segment),
		       s->entries / 8));
	for (uint32_t slot = 0; slot < s->entries; slot += ENTRIES_AT_ONCE) {
		uint32_t n = s->entries - slot;
		n = n < ENTRIES_AT_ONCE ? n : ENTRIES_AT_ONCE;
		TRY(image_read(d->fd, disk_entry_at(s, segment, slot), room,
			       (size_t)n * DISK_ENTRY_LEN));
		for (uint32_t i = 0; i < n; i += ENTRIES_AHEAD) {
			uint32_t now = n - i < ENTRIES_AHEAD ? n - i : ENTRIES_AHEAD;
			enum err e = OK;
			if (!found_entries(d, segment, slot + i, now,
					   room + (size_t)i * DISK_ENTRY_LEN, &e))
				return e;
		}
	}
	return OK;
}

/* Many are on their way from the disk at once. */
static void ahead(const struct cache_disk *d, uint32_t segment)
{
	const struct disk_shape *s = &d->shape;
	size_t len = s->data < AHEAD_MAX ? s->data : AHEAD_MAX;
	for (uint32_t i = segment; i < segment + AHEAD_SEGMENTS && i < s->segments; i++)
		image_ahead(d->fd, disk_segment_at(s, i), len);
}

static enum err format(struct cache_disk *d, struct hash_key key)
{
	uint8_t page[DISK_PAGE];
	d->key = key;
	*d->rules = (struct disk_rules){0};
	TRY(image_empty(d->fd, d->shape.size));
	(void)disk_rules_write(key, d->rules, d->w.rules);
	TRY(image_write(d->fd, DISK_RULES_AT + DISK_RULES_LEN, d->w.rules, DISK_RULES_LEN));
	disk_volume_write(&d->shape, key, page);
	TRY(image_write(d->fd, 0, page, sizeof(page)));
	return image_sync(d->fd);
}

/* One head for each text of Vary that there is. */
static void learn_names(struct cache_disk *d)
{
	struct disk_place p;
	struct span known;
	unsigned tries = 0;
	for (uint32_t at = 0; tries < 2 * DISK_NAMES_MAX && disk_index_next(&d->index, &at, &p);) {
		struct disk_header h;
		struct cache_object *o = NULL;
		size_t got = DISK_PAGE;
		if (disk_names_find(&d->names, p.names, &known))
			continue;
		tries++;
		/* What is torn is found out when somebody wants it. */
		if (disk_record_head(d, &p, d->index.segments[p.segment].seq, d->w.piece, &h, &got,
				     &o))
			continue;
		disk_names_learn(&d->names, p.names, o->vary_names);
		cache_object_unref(o);
	}
}

/* Purges that may not be in the rules yet mean all that is there: nobody knows any more what came
 * after them. */
static void take_rules(struct cache_disk *d)
{
	for (size_t i = 0; i < d->found->rules_n; i++) {
		const struct disk_forgotten_rule *rule = &d->found->rules[i];
		if (!disk_rules_add(d->rules, rule->what, rule->value))
			(void)disk_index_clear(&d->index);
		d->rules_dirty = true;
	}
}

static enum err found_segments(struct cache_disk *d, uint8_t *room)
{
	for (uint32_t i = 0; i < d->shape.segments; i++) {
		if (i % AHEAD_SEGMENTS == 0)
			ahead(d, i);
		enum err e = found_segment(d, i, room);
		if (e == ENOMEM)
			return e;
		/* What cannot be read is not there; a write may mend it. */
		if (e)
			disk_read_failed(d, e);
	}
	return OK;
}

/* With what was forgotten before the disk was told. */
static enum err found_all(struct cache_disk *d, uint8_t *room)
{
	struct disk_forgotten_found found;
	TRY(disk_forgotten_read(&d->forgotten, d->key, &found));
	d->found = &found;
	enum err e = found_segments(d, room);
	if (!e)
		take_rules(d);
	d->found = NULL;
	disk_forgotten_found_done(&found);
	return e;
}

static enum err recover(struct cache_disk *d, struct hash_key new_key, bool new,
			enum cache_disk_found *ret_found)
{
	uint8_t page[DISK_PAGE];
	uint8_t *room = malloc(2 * DISK_RULES_LEN);
	if (!room)
		return ENOMEM;
	enum err e = image_read(d->fd, 0, page, sizeof(page));
	enum err is = e ? e : disk_volume_read(page, &d->shape, &d->key);
	if (!is)
		e = image_read(d->fd, DISK_RULES_AT, room, 2 * DISK_RULES_LEN);
	if (!e && !is && !disk_rules_read(d->key, room, d->rules))
		is = ERR_FORMAT;
	if (!e && !is)
		e = found_all(d, room);
	free(room);
	if (e)
		return e;
	if (!is)
		learn_names(d);
	/* No more than that were given before, also to records of which nothing is left. */
	if (d->order < d->index.seq << DISK_SLOTS_BITS)
		d->order = d->index.seq << DISK_SLOTS_BITS;
	*ret_found = !is		     ? CACHE_DISK_KEPT
		     : new		     ? CACHE_DISK_NEW
		     : is == ERR_UNSUPPORTED ? CACHE_DISK_VERSION
					     : CACHE_DISK_DAMAGED;
	d->sweeps = d->rules->n > 0;
	if (is)
		TRY(format(d, new_key));
	disk_forgotten_take(&d->forgotten, d->key);
	return OK;
}

enum err cache_disk_open(const struct cache_disk_options *o, enum cache_disk_found *ret_found,
			 struct cache_disk **ret)
{
	struct disk_shape shape;
	uint64_t record_max = disk_record_len(DISK_HEAD_MAX, o->object_max);
	bool new = false;
	if (!disk_shape_of(o->size, record_max, &shape))
		return ERR_LIMIT;
	struct cache_disk *d = calloc(1, sizeof(*d));
	if (!d)
		return ENOMEM;
	pthread_condattr_t clock;
	(void)pthread_condattr_init(&clock);
	(void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&d->lock, NULL);
	(void)pthread_cond_init(&d->write_wake, &clock);
	(void)pthread_cond_init(&d->read_wake, &clock);
	(void)pthread_cond_init(&d->flushed, &clock);
	(void)pthread_condattr_destroy(&clock);
	d->fd = -1;
	d->shape = shape;
	d->object_max = o->object_max;
	d->queue_max = o->queue_max;
	d->last = &d->first;
	d->forgotten.base = o->forgotten;
	d->rules = calloc(1, sizeof(*d->rules));
	d->w.buffer = malloc(BUFFER_SIZE);
	d->w.piece = malloc(PIECE);
	d->w.head = malloc(DISK_HEADER_LEN + DISK_HEAD_MAX);
	d->w.rules = malloc(DISK_RULES_LEN);
	bool all = d->rules && d->w.buffer && d->w.piece && d->w.head && d->w.rules;
	enum err e = all ? OK : (enum err)ENOMEM;
	if (!e)
		e = disk_index_init(&d->index, &shape);
	if (!e)
		e = image_open(o->path, o->size, &d->fd, &new);
	if (!e)
		e = recover(d, o->key, new, ret_found);
	if (e)
		cache_disk_free(d);
	else
		*ret = d;
	return e;
}

/* ---- its threads ---- */

enum err cache_disk_start(struct cache_disk *d, struct cache_memory *m)
{
	d->memory = m;
	d->started = true;
	TRY(thread_start(&d->writer, "cache-writer", -1, disk_writer_run, d));
	for (size_t i = 0; i < READERS; i++)
		TRY(thread_start(&d->readers[i], "cache-reader", -1, disk_reader_run, d));
	return OK;
}

void cache_disk_stop(struct cache_disk *d)
{
	if (!d || !d->started)
		return;
	disk_lock(d);
	d->stop = true;
	(void)pthread_cond_broadcast(&d->write_wake);
	(void)pthread_cond_broadcast(&d->read_wake);
	disk_unlock(d);
	thread_join(&d->writer);
	for (size_t i = 0; i < READERS; i++)
		thread_join(&d->readers[i]);
	d->started = false;
}

void cache_disk_free(struct cache_disk *d)
{
	if (!d)
		return;
	cache_disk_stop(d);
	while (d->first) {
		struct disk_write *w = d->first;
		d->first = w->next;
		cache_object_unref(w->object);
		free(w);
	}
	disk_index_done(&d->index);
	disk_names_done(&d->names);
	fd_done(&d->fd);
	(void)pthread_mutex_destroy(&d->lock);
	(void)pthread_cond_destroy(&d->write_wake);
	(void)pthread_cond_destroy(&d->read_wake);
	(void)pthread_cond_destroy(&d->flushed);
	free(d->rules);
	free(d->w.buffer);
	free(d->w.piece);
	free(d->w.head);
	free(d->w.rules);
	free(d);
}

/* ---- for the memory tier ---- */

struct hash_key cache_disk_key(const struct cache_disk *d)
{
	return d->key;
}

uint64_t cache_disk_object_max(const struct cache_disk *d)
{
	return d->object_max;
}

size_t cache_disk_has(struct cache_disk *d, uint64_t hash, struct span space)
{
	uint16_t is = disk_space(d->key, space);
	disk_lock(d);
	struct disk_place ignored[CACHE_VARIANTS_MAX];
	size_t n = disk_index_find(&d->index, hash, is, ignored, CACHE_VARIANTS_MAX);
	disk_unlock(d);
	return n;
}

size_t cache_disk_count(struct cache_disk *d, uint64_t hash)
{
	disk_lock(d);
	size_t n = disk_index_count(&d->index, hash);
	disk_unlock(d);
	return n;
}

void cache_disk_used(struct cache_disk *d, uint64_t hash)
{
	disk_lock(d);
	disk_index_used(&d->index, hash);
	disk_unlock(d);
}

/* Of what waits, and of what the writer is about to write: those of that hash; with `by` its
 * variant only. Whether there were any. */
static bool cancel(struct disk_write *list, uint64_t hash, const struct disk_write *by)
{
	bool any = false;
	for (struct disk_write *w = list; w; w = w->next) {
		if (w->hash != hash || (by && (w->space != by->space || w->variant != by->variant)))
			continue;
		w->cancelled = any = true;
	}
	return any;
}

static void cancel_all(struct disk_write *list)
{
	for (struct disk_write *w = list; w; w = w->next)
		w->cancelled = true;
}

void disk_forget(struct cache_disk *d, uint64_t hash, bool was)
{
	if (was || d->cleaning || d->unsure)
		disk_forgotten_note_key(&d->forgotten, hash, d->order);
}

void cache_disk_put(struct cache_disk *d, uint64_t hash, struct cache_object *o)
{
	const struct disk_write this = {.object = o,
					.hash = hash,
					.bytes = o->size,
					.names = disk_names_hash(d->key, o->vary_names),
					.variant = disk_variant(d->key, o->vary_names, o->vary),
					.space = disk_space(d->key, o->space)};
	struct disk_write *w = malloc(sizeof(*w));
	disk_lock(d);
	disk_names_learn(&d->names, this.names, o->vary_names);
	/* What it stands for is old now, whether it will be written or not. */
	size_t n = disk_index_replace(&d->index, hash, this.space, this.variant);
	(void)cancel(d->first, hash, &this);
	disk_forget(d, hash, cancel(d->now, hash, &this) || n);
	bool fits = o->body->len <= d->object_max;
	bool room = w && fits && d->writes_n < WRITES_MAX &&
		    d->writes_bytes + this.bytes <= d->queue_max && !d->stop &&
		    (!d->rest_until_ms || clock_monotonic_ms() >= d->rest_until_ms);
	if (room) {
		*w = this;
		w->epoch = d->rules->epoch;
		(void)cache_object_ref(o);
		*d->last = TAKE(w);
		d->last = &(*d->last)->next;
		d->writes_n++;
		d->writes_bytes += this.bytes;
	} else {
		d->sums.dropped += fits;
	}
	(void)pthread_cond_signal(&d->write_wake);
	disk_unlock(d);
	free(w);
}

/* Does it match the request, as far as its hashes tell? What cannot be told may. */
static bool may_match(const struct cache_disk *d, const struct disk_place *p,
		      struct cache_fields request)
{
	uint8_t room[CACHE_VARY_MAX];
	struct writer vary = writer_of(room, sizeof(room));
	struct span names;
	if (!disk_names_find(&d->names, p->names, &names))
		return true;
	cache_vary_write(names, request, &vary);
	return !vary.bad && p->variant == disk_variant(d->key, names, writer_span(&vary));
}

bool cache_disk_load(struct cache_disk *d, uint64_t hash, const struct cache_look *look,
		     uint64_t since, struct cache_flight *f)
{
	struct disk_place at[CACHE_VARIANTS_MAX];
	struct disk_load l = {.flight = f,
			      .hash = hash,
			      .since = since,
			      .space = disk_space(d->key, look->space)};
	disk_lock(d);
	size_t n = disk_index_find(&d->index, hash, l.space, at, CACHE_VARIANTS_MAX);
	for (size_t i = 0; i < n; i++)
		if (may_match(d, &at[i], look->request))
			l.wanted[l.wanted_n++] = at[i].variant;
	bool goes = l.wanted_n && d->loads_n < LOADS_MAX && !d->stop;
	if (goes) {
		d->loads[(d->loads_at + d->loads_n++) % LOADS_MAX] = l;
		(void)pthread_cond_signal(&d->read_wake);
	}
	disk_unlock(d);
	return goes;
}

size_t cache_disk_purge_key(struct cache_disk *d, uint64_t hash)
{
	disk_lock(d);
	size_t n = disk_index_kill(&d->index, hash);
	(void)cancel(d->first, hash, NULL);
	disk_forget(d, hash, cancel(d->now, hash, NULL) || n);
	(void)pthread_cond_signal(&d->write_wake);
	disk_unlock(d);
	return n;
}

/* all: it means everything. */
static void note_purge(struct cache_disk *d, enum cache_purge what, struct span value, bool all)
{
	if (all)
		disk_forgotten_note_all(&d->forgotten, d->order);
	else
		disk_forgotten_note_rule(&d->forgotten, what, value, d->order);
}

/* What is of an earlier epoch, and in nobody's hands but the writer's, is not written: its entry
 * would come behind the purge's way through the records. */
static void purged(struct cache_disk *d)
{
	cancel_all(d->first);
	cancel_all(d->now);
	d->rules_dirty = true;
	d->sweeps = d->rules->n > 0;
	(void)pthread_cond_signal(&d->write_wake);
}

size_t cache_disk_purge(struct cache_disk *d, enum cache_purge what, struct span value)
{
	size_t n = 0;
	disk_lock(d);
	d->purging++;
	bool all = !disk_rules_add(d->rules, what, value);
	d->purging_floor = d->purging_floor || all;
	if (all)
		n = disk_index_clear(&d->index);
	note_purge(d, what, value, all);
	purged(d);
	disk_unlock(d);
	return n;
}

void cache_disk_purge_again(struct cache_disk *d, enum cache_purge what, struct span value)
{
	disk_lock(d);
	note_purge(d, what, value, d->purging_floor);
	disk_rules_again(d->rules, d->purging_floor);
	if (d->purging_floor)
		(void)disk_index_clear(&d->index);
	d->purging--;
	d->purging_floor = d->purging_floor && d->purging;
	purged(d);
	disk_unlock(d);
}

/* ---- for people ---- */

bool cache_disk_flush(struct cache_disk *d, unsigned timeout_ms)
{
	const struct timespec until = disk_after(timeout_ms);
	disk_lock(d);
	uint64_t wanted = ++d->flush_wanted;
	int late = 0;
	(void)pthread_cond_signal(&d->write_wake);
	while (d->flush_done < wanted && !late && d->started)
		late = pthread_cond_timedwait(&d->flushed, &d->lock, &until);
	bool done = d->flush_done >= wanted && !d->flush_failed;
	disk_unlock(d);
	return done;
}

void cache_disk_sums(struct cache_disk *d, struct cache_disk_sums *ret)
{
	disk_lock(d);
	*ret = d->sums;
	ret->size = d->shape.size;
	ret->bytes = d->index.units * DISK_UNIT;
	ret->objects = d->index.objects;
	ret->evicted = d->index.evicted;
	ret->memory = disk_index_memory(&d->index);
	ret->waiting = d->writes_n;
	ret->sweeps = d->sweeps;
	disk_unlock(d);
}
