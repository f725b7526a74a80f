/* Room for what is new: the oldest segment goes, and what was asked for in it goes on (S3-FIFO).
 * And purges by prefix and tag on their way through all records. By the writer's thread. */
#include "http-cache/disk/io_disk_inner.h"

#include "os/image.h"

enum {
	ENTRIES_AT_ONCE = 64,
	STAY_PART = 2, /* of a segment half may go on: each one that goes must give room */
	CLEAN_MAX = 8, /* segments in a row */
	SWEEP_AT_ONCE = 64,
	SWEEP_HEAD = 8 * 1024, /* most heads; no more of a body is read than must be */
};

/* Its first piece as it is to lie elsewhere. ERR_FORMAT: torn. ERR_REFUSED: purged. */
static enum err first_piece(struct cache_disk *d, const struct disk_place *from, uint64_t seq)
{
	struct disk_header h;
	size_t got = PIECE;
	struct cache_object *o = NULL;
	TRY(disk_record_head(d, from, seq, d->w.piece, &h, &got, &o));
	disk_lock(d);
	bool purged = disk_rules_mean(d->rules, o, from->epoch);
	disk_unlock(d);
	cache_object_unref(o);
	return purged ? ERR_REFUSED : OK;
}

/* Raw, as it lies, but for the segment's number in its header. */
static enum err copy_record(struct cache_disk *d, const struct disk_place *from, uint64_t new_seq)
{
	struct disk_header h;
	size_t needed;
	uint8_t *piece = d->w.piece;
	uint64_t at = disk_segment_at(&d->shape, from->segment) + (uint64_t)from->at * DISK_UNIT;
	uint64_t left = (uint64_t)from->len * DISK_UNIT;
	size_t n = left < PIECE ? (size_t)left : PIECE;
	TRY(disk_header_read(d->key, span_of(piece, n), &h, &needed));
	h.seq = new_seq;
	disk_header_write(d->key, &h, piece);
	for (;;) {
		disk_writer_add(d, piece, n);
		at += n;
		left -= n;
		if (!left)
			return OK;
		n = left < PIECE ? (size_t)left : PIECE;
		TRY(image_read(d->fd, at, piece, n));
	}
}

static void move(struct cache_disk *d, const struct disk_entry *e, const struct disk_place *from,
		 uint8_t uses)
{
	struct disk_pending p = {.place = *from, .order = e->order, .from = *from};
	uint64_t new_seq;
	enum err is = first_piece(d, from, d->index.segments[from->segment].seq);
	if (is) {
		disk_lock(d);
		if (is != ERR_REFUSED && is != ENOMEM)
			disk_read_failed(d, is);
		disk_index_drop(&d->index, from);
		disk_unlock(d);
		return;
	}
	if (!disk_writer_begin(d, DISK_MAIN, (uint64_t)from->len * DISK_UNIT, &p.place, &new_seq))
		return;
	p.place.uses = uses;
	is = copy_record(d, from, new_seq);
	if (!is) {
		disk_writer_end(d, &p);
		return;
	}
	/* Its place in the table stays empty: the segment ends here. */
	d->w.e = d->w.e ? d->w.e : is;
	disk_writer_commit(d);
}

/* One entry of the segment that goes. */
static void settle(struct cache_disk *d, const struct disk_entry *e, uint32_t segment,
		   uint32_t slot, uint64_t *room)
{
	const struct disk_place p = {.hash = e->hash,
				     .names = e->names,
				     .variant = e->variant,
				     .epoch = e->epoch,
				     .at = e->at,
				     .len = e->len,
				     .segment = segment,
				     .slot = slot,
				     .space = e->space};
	uint64_t len = (uint64_t)e->len * DISK_UNIT;
	uint8_t uses = 0;
	disk_lock(d);
	bool is = disk_index_is_at(&d->index, &p);
	bool stays = is && len <= *room && disk_index_stays(&d->index, &p, &uses);
	if (is && !stays)
		disk_index_evict(&d->index, &p);
	disk_unlock(d);
	if (!stays)
		return;
	*room -= len;
	move(d, e, &p, uses);
}

static enum err settle_all(struct cache_disk *d, uint32_t segment)
{
	uint8_t bytes[ENTRIES_AT_ONCE * DISK_ENTRY_LEN];
	uint32_t used = d->index.segments[segment].used;
	uint64_t seq = d->index.segments[segment].seq;
	uint64_t room = (d->shape.segment - d->shape.data) / STAY_PART;
	for (uint32_t slot = 0; slot < used; slot += ENTRIES_AT_ONCE) {
		uint32_t n = used - slot < ENTRIES_AT_ONCE ? used - slot : ENTRIES_AT_ONCE;
		TRY(image_read(d->fd, disk_entry_at(&d->shape, segment, slot), bytes,
			       (size_t)n * DISK_ENTRY_LEN));
		for (uint32_t i = 0; i < n; i++) {
			struct disk_entry e;
			if (disk_entry_read(d->key, seq, &d->shape,
					    bytes + (size_t)i * DISK_ENTRY_LEN, &e))
				settle(d, &e, segment, slot + i, &room);
		}
	}
	return OK;
}

/* The next start must not find in it what was forgotten since, nor give its number again. */
static enum err forget(struct cache_disk *d, uint32_t segment)
{
	uint8_t page[DISK_PAGE];
	disk_segment_write(d->key, d->index.segments[segment].seq, DISK_NEITHER, page);
	return image_write(d->fd, disk_segment_at(&d->shape, segment), page, sizeof(page));
}

/* Under the lock: it is as it was for the next start, so nothing of it may count, and it gives no
 * room yet. */
static void keep_dead(struct cache_disk *d, uint32_t segment, enum err e)
{
	disk_write_failed(d, e);
	for (uint32_t slot = 0; slot < d->index.segments[segment].used; slot++)
		disk_index_mark(&d->index, segment, slot);
}

static bool clean_one(struct cache_disk *d)
{
	uint32_t segment;
	disk_lock(d);
	bool wanted =
		d->index.free_n <= DISK_FREE_RESERVE && disk_index_victim(&d->index, &segment);
	d->cleaning = wanted;
	disk_unlock(d);
	if (!wanted)
		return false;
	enum err e = settle_all(d, segment);
	disk_writer_commit(d);
	enum err is = forget(d, segment);
	disk_lock(d);
	if (e)
		disk_read_failed(d, e);
	if (is)
		keep_dead(d, segment, is);
	else
		disk_index_free(&d->index, segment);
	d->cleaning = false;
	disk_unlock(d);
	return is == OK;
}

void disk_clean(struct cache_disk *d)
{
	d->w.cleans = true;
	for (int i = 0; i < CLEAN_MAX && clean_one(d); i++)
		;
	d->w.cleans = false;
}

/* ---- purges ---- */

/* Under the lock: it begins anew when another purge came. */
static bool sweep_begin(struct cache_disk *d)
{
	struct disk_writer *w = &d->w;
	if (!d->sweeps)
		return false;
	if (w->sweep_epoch == d->rules->epoch && w->sweep_at)
		return true;
	w->sweep_epoch = d->rules->epoch;
	w->sweep_at = 0;
	return true;
}

static bool sweep_next(struct cache_disk *d)
{
	struct disk_header h;
	struct disk_place p;
	size_t got = SWEEP_HEAD;
	struct cache_object *o = NULL;
	disk_lock(d);
	bool more = disk_index_next(&d->index, &d->w.sweep_at, &p);
	uint64_t seq = more ? d->index.segments[p.segment].seq : 0;
	bool old = more && p.epoch < d->w.sweep_epoch;
	disk_unlock(d);
	if (!old)
		return more;
	enum err e = disk_record_head(d, &p, seq, d->w.piece, &h, &got, &o);
	disk_lock(d);
	if (e)
		disk_read_failed(d, e);
	if (e || disk_rules_mean(d->rules, o, p.epoch))
		disk_index_drop(&d->index, &p);
	disk_unlock(d);
	cache_object_unref(o);
	return true;
}

void disk_sweep_step(struct cache_disk *d)
{
	disk_lock(d);
	bool sweeps = sweep_begin(d), more = true;
	disk_unlock(d);
	for (int i = 0; sweeps && more && i < SWEEP_AT_ONCE; i++)
		more = sweep_next(d);
	if (!sweeps || more)
		return;
	d->w.swept = true;
	d->w.sweep_at = 0;
}
