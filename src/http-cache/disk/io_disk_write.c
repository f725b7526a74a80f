/* Objects on their way to the disk: by one thread, in long writes one after another. */
#include "http-cache/disk/io_disk_inner.h"

#include "base/writer.h"
#include "os/image.h"

#include <stdlib.h>
#include <time.h>

enum { SEGMENT_TRIES = 3, RETRY_MS = 1000 };

/* ---- bytes ---- */

static void flush_buffer(struct disk_writer *w, int fd)
{
	if (w->len && !w->e)
		w->e = image_write(fd, w->at, w->buffer, w->len);
	w->at += w->len;
	w->len = 0;
}

void disk_writer_add(struct cache_disk *d, const void *bytes, size_t len)
{
	struct disk_writer *w = &d->w;
	for (const uint8_t *next = bytes; len;) {
		if (w->len == BUFFER_SIZE)
			flush_buffer(w, d->fd);
		size_t n = BUFFER_SIZE - w->len < len ? BUFFER_SIZE - w->len : len;
		memcpy(w->buffer + w->len, next, n);
		w->len += n;
		next += n;
		len -= n;
	}
}

/* ---- segments ---- */

static void seal(struct cache_disk *d, enum disk_queue queue)
{
	struct disk_writer *w = &d->w;
	if (!w->is_open[queue])
		return;
	disk_lock(d);
	disk_index_seal(&d->index, w->segment[queue]);
	disk_unlock(d);
	w->is_open[queue] = false;
}

/* Its page first: from then on nothing counts of what another use left there. */
static enum err begin_segment(struct cache_disk *d, uint32_t segment, enum disk_queue queue)
{
	uint64_t seq = d->index.segments[segment].seq;
	uint64_t at = disk_segment_at(&d->shape, segment);
	uint8_t page[DISK_PAGE];
	disk_segment_write(d->key, seq, queue, page);
	TRY(image_write(d->fd, at, page, sizeof(page)));
	memset(page, 0, sizeof(page));
	for (uint32_t dead = DISK_PAGE; dead < d->shape.table; dead += DISK_PAGE)
		TRY(image_write(d->fd, at + dead, page, sizeof(page)));
	return OK;
}

static bool next_segment(struct cache_disk *d, enum disk_queue queue)
{
	struct disk_writer *w = &d->w;
	uint32_t segment;
	disk_lock(d);
	bool is = disk_index_open(&d->index, queue, &segment);
	disk_unlock(d);
	if (!is)
		return false;
	w->segment[queue] = segment;
	w->end[queue] = d->shape.data;
	w->is_open[queue] = true;
	enum err e = begin_segment(d, segment, queue);
	if (!e)
		return true;
	w->e = e;
	seal(d, queue);
	return false;
}

static bool has_room(const struct cache_disk *d, enum disk_queue queue, uint64_t len)
{
	const struct disk_writer *w = &d->w;
	return w->is_open[queue] && w->end[queue] + len <= d->shape.segment &&
	       d->index.segments[w->segment[queue]].used < d->shape.entries;
}

bool disk_writer_begin(struct cache_disk *d, enum disk_queue queue, uint64_t len,
		       struct disk_place *ret, uint64_t *ret_seq)
{
	struct disk_writer *w = &d->w;
	for (int i = 0; i < SEGMENT_TRIES && !has_room(d, queue, len); i++) {
		seal(d, queue);
		if (!w->cleans) {
			/* What nothing leads to yet would go as if it were worth nothing. */
			disk_writer_commit(d);
			disk_clean(d);
		}
		/* Cleaning may have opened one for what it moved. */
		if (!w->is_open[queue] && !next_segment(d, queue))
			return false;
	}
	if (!has_room(d, queue, len) || w->e)
		return false;
	uint32_t segment = w->segment[queue];
	uint64_t at = disk_segment_at(&d->shape, segment) + w->end[queue];
	if (at != w->at + w->len) {
		flush_buffer(w, d->fd);
		w->at = at;
	}
	disk_lock(d);
	*ret_seq = d->index.segments[segment].seq;
	ret->slot = d->index.segments[segment].used++;
	disk_unlock(d);
	ret->segment = segment;
	ret->at = (uint32_t)(w->end[queue] / DISK_UNIT);
	ret->len = (uint32_t)(len / DISK_UNIT);
	w->end[queue] += len;
	return true;
}

/* ---- entries ---- */

/* Those that lie together in a table go at once. */
static void write_entries(struct cache_disk *d)
{
	struct disk_writer *w = &d->w;
	uint8_t bytes[BATCH_MAX * DISK_ENTRY_LEN];
	size_t n = 0;
	for (size_t i = 0; i < w->pending_n && !w->e; i++) {
		const struct disk_place *p = &w->pending[i].place, *next = p;
		const struct disk_entry e = {.hash = p->hash,
					     .order = w->pending[i].order,
					     .names = p->names,
					     .variant = p->variant,
					     .at = p->at,
					     .len = p->len,
					     .epoch = p->epoch,
					     .space = p->space};
		disk_entry_write(d->key, d->index.segments[p->segment].seq, &e,
				 bytes + n++ * DISK_ENTRY_LEN);
		if (i + 1 < w->pending_n)
			next = &w->pending[i + 1].place;
		if (next->segment == p->segment && next->slot == p->slot + 1)
			continue;
		w->e = image_write(d->fd,
				   disk_entry_at(&d->shape, p->segment, p->slot - (uint32_t)n + 1),
				   bytes, n * DISK_ENTRY_LEN);
		n = 0;
	}
}

/* Under the lock: the index leads there, unless it may not any more. */
static void come_to_be(struct cache_disk *d, const struct disk_pending *p)
{
	bool wanted =
		!d->w.e && (p->of ? !p->of->cancelled : disk_index_is_at(&d->index, &p->from));
	if (!wanted || disk_index_add(&d->index, &p->place)) {
		disk_index_mark(&d->index, p->place.segment, p->place.slot);
		return;
	}
	d->sums.written_bytes += (uint64_t)p->place.len * DISK_UNIT;
	d->sums.writes += p->of != NULL;
	d->sums.moves += !p->of;
}

void disk_writer_commit(struct cache_disk *d)
{
	struct disk_writer *w = &d->w;
	flush_buffer(w, d->fd);
	write_entries(d);
	disk_lock(d);
	for (size_t i = 0; i < w->pending_n; i++)
		come_to_be(d, &w->pending[i]);
	if (w->e)
		disk_write_failed(d, w->e);
	disk_unlock(d);
	w->pending_n = 0;
	if (!w->e)
		return;
	/* An entry is missing: what came behind it in the table would not be found. */
	w->e = OK;
	seal(d, DISK_SMALL);
	seal(d, DISK_MAIN);
}

void disk_writer_end(struct cache_disk *d, const struct disk_pending *p)
{
	d->w.pending[d->w.pending_n++] = *p;
	if (d->w.pending_n == BATCH_MAX)
		disk_writer_commit(d);
}

/* ---- objects ---- */

static void add_body(struct cache_disk *d, const struct disk_header *h,
		     const struct cache_body *body)
{
	struct cache_chunk *hint = NULL;
	uint64_t at = 0;
	for (uint64_t number = 0; at < body->len; number++) {
		uint8_t *block = d->w.piece, check[DISK_CHECK_LEN];
		size_t n = 0;
		while (n < DISK_BLOCK && at < body->len) {
			struct span s = span_sub(cache_body_at(body, at, &hint), 0, DISK_BLOCK - n);
			memcpy(block + n, s.data, s.len);
			n += s.len;
			at += s.len;
		}
		struct writer w = writer_of(check, sizeof(check));
		write_u64(&w, disk_block_check(d->key, h, number, span_of(block, n)));
		disk_writer_add(d, block, n);
		disk_writer_add(d, check, sizeof(check));
	}
}

static void pad(struct cache_disk *d, uint64_t written, uint64_t len)
{
	static const uint8_t zeros[DISK_UNIT];
	ASSERT(len - written < DISK_UNIT);
	disk_writer_add(d, zeros, (size_t)(len - written));
}

static void write_object(struct cache_disk *d, const struct disk_write *o)
{
	struct disk_writer *w = &d->w;
	struct disk_pending p = {.of = o};
	disk_lock(d);
	enum disk_queue queue = disk_index_queue(&d->index, o->hash);
	bool cancelled = o->cancelled;
	disk_unlock(d);
	struct writer head = writer_of(w->head + DISK_HEADER_LEN, DISK_HEAD_MAX);
	disk_head_write(o->object, &head);
	if (cancelled || head.bad)
		return;
	struct disk_header h = {.hash = o->hash,
				.body_len = o->object->body->len,
				.head_len = (uint32_t)head.pos,
				.names = o->names,
				.variant = o->variant,
				.epoch = o->epoch,
				.space = o->space};
	uint64_t len = disk_record_len(h.head_len, h.body_len);
	if (!disk_writer_begin(d, queue, len, &p.place, &h.seq)) {
		disk_lock(d);
		d->sums.dropped++;
		disk_unlock(d);
		return;
	}
	/* One for each slot, and no more: the next start counts on that. What was purged meanwhile
	 * was so before this one. */
	disk_lock(d);
	h.order = p.order = ++d->order;
	if (o->cancelled)
		disk_forget(d, o->hash, true);
	disk_unlock(d);
	p.place.hash = o->hash;
	p.place.names = o->names;
	p.place.variant = o->variant;
	p.place.epoch = o->epoch;
	p.place.space = o->space;
	disk_header_write(d->key, &h, w->head);
	disk_writer_add(d, w->head, DISK_HEADER_LEN + h.head_len);
	add_body(d, &h, o->object->body);
	uint64_t blocks = (h.body_len + DISK_BLOCK - 1) / DISK_BLOCK;
	pad(d, DISK_HEADER_LEN + h.head_len + h.body_len + blocks * DISK_CHECK_LEN, len);
	disk_writer_end(d, &p);
}

static void write_batch(struct cache_disk *d)
{
	struct disk_write *w, *next;
	for (w = d->now; w; w = w->next)
		write_object(d, w);
	disk_writer_commit(d);
	disk_lock(d);
	w = TAKE(d->now);
	for (const struct disk_write *each = w; each; each = each->next) {
		d->writes_n--;
		d->writes_bytes -= each->bytes;
	}
	disk_unlock(d);
	for (; w; w = next) {
		next = w->next;
		cache_object_unref(w->object);
		free(w);
	}
}

/* Under the lock: the first ones are the writer's now. */
static void take_batch(struct cache_disk *d)
{
	struct disk_write *last = d->first;
	for (size_t n = 1; n < BATCH_MAX && last && last->next; n++)
		last = last->next;
	d->now = d->first;
	if (!last)
		return;
	d->first = last->next;
	last->next = NULL;
	if (!d->first)
		d->last = &d->first;
}

/* ---- what is dead, and the purges ---- */

static enum err write_dead_of(struct cache_disk *d, uint32_t segment)
{
	size_t len = d->shape.entries / 8;
	disk_lock(d);
	struct disk_segment *s = &d->index.segments[segment];
	bool dirty = s->dirty && (s->state == DISK_OPEN || s->state == DISK_SEALED);
	s->dirty = false;
	if (dirty)
		memcpy(d->w.piece, disk_index_dead(&d->index, segment), len);
	disk_unlock(d);
	if (!dirty)
		return OK;
	enum err e = image_write(d->fd, disk_dead_at(&d->shape, segment), d->w.piece, len);
	if (!e)
		return OK;
	disk_lock(d);
	s->dirty = d->index.dirty = true;
	disk_unlock(d);
	return e;
}

static enum err write_dead(struct cache_disk *d)
{
	disk_lock(d);
	bool dirty = d->index.dirty;
	d->index.dirty = false;
	disk_unlock(d);
	for (uint32_t i = 0; dirty && i < d->shape.segments; i++)
		TRY(write_dead_of(d, i));
	return OK;
}

static enum err write_rules(struct cache_disk *d)
{
	disk_lock(d);
	/* All that they mean is marked dead on the disk, too. */
	if (d->w.swept && !d->purging && d->w.sweep_epoch == d->rules->epoch) {
		disk_rules_swept(d->rules, d->w.sweep_epoch);
		d->rules_dirty = true;
		d->sweeps = false;
	}
	d->w.swept = false;
	bool dirty = d->rules_dirty;
	uint64_t seq = dirty ? disk_rules_write(d->key, d->rules, d->w.rules) : 0;
	d->rules_dirty = false;
	disk_unlock(d);
	if (!dirty)
		return OK;
	enum err e = image_write(d->fd, DISK_RULES_AT + seq % 2 * DISK_RULES_LEN, d->w.rules,
				 DISK_RULES_LEN);
	disk_lock(d);
	d->rules_dirty = d->rules_dirty || e;
	disk_unlock(d);
	return e;
}

/* What the index forgot must stay forgotten, though we be killed. wanted: whom it is told. */
static enum err write_purges(struct cache_disk *d, uint64_t wanted)
{
	bool told = wanted > d->flush_done; /* nobody else changes it */
	disk_lock(d);
	disk_forgotten_turn(&d->forgotten);
	disk_unlock(d);
	enum err e = write_dead(d);
	if (!e)
		e = write_rules(d);
	if (!e && told)
		e = image_sync(d->fd);
	disk_lock(d);
	if (e)
		disk_write_failed(d, e);
	else {
		disk_forgotten_clear(&d->forgotten);
		d->unsure = false;
	}
	if (e || told) {
		d->flush_failed = e != OK;
		d->flush_done = told ? wanted : d->flush_done;
		(void)pthread_cond_broadcast(&d->flushed);
	}
	disk_unlock(d);
	return e;
}

static bool has_writes(const struct cache_disk *d)
{
	return d->first || d->index.dirty || d->rules_dirty || disk_forgotten_any(&d->forgotten);
}

static bool has_work(const struct cache_disk *d)
{
	return has_writes(d) || d->sweeps || d->flush_done < d->flush_wanted;
}

void disk_writer_run(void *arg)
{
	struct cache_disk *d = arg;
	enum err e = OK;
	disk_lock(d);
	while (!d->stop || (!e && has_writes(d))) {
		const struct timespec until = disk_after(RETRY_MS);
		if (e && !d->stop)
			(void)pthread_cond_timedwait(&d->write_wake, &d->lock, &until);
		else if (!has_work(d))
			(void)pthread_cond_wait(&d->write_wake, &d->lock);
		uint64_t wanted = d->flush_wanted;
		take_batch(d);
		disk_unlock(d);
		if (d->now)
			write_batch(d);
		disk_sweep_step(d);
		e = write_purges(d, wanted);
		disk_lock(d);
	}
	disk_unlock(d);
}
