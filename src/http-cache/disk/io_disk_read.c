/* Records on their way from the disk into memory. Each byte is checked before anybody sees it. */
#include "http-cache/disk/io_disk_inner.h"

#include "base/reader.h"
#include "os/image.h"

#include <stdlib.h>

/* The bytes of a record, one piece after another. */
struct pieces {
	int fd;
	uint8_t *room; /* PIECE */
	size_t have, pos;
	uint64_t next, left; /* in the file: what was not read */
};

/* len bytes that lie together; NULL: *ret_e, ERR_FORMAT when the record has no more. */
static const uint8_t *need(struct pieces *p, size_t len, enum err *ret_e)
{
	if (p->have - p->pos < len) {
		memmove(p->room, p->room + p->pos, p->have - p->pos);
		p->have -= p->pos;
		p->pos = 0;
		size_t more = PIECE - p->have;
		more = more < p->left ? more : (size_t)p->left;
		*ret_e = image_read(p->fd, p->next, p->room + p->have, more);
		if (*ret_e)
			return NULL;
		p->have += more;
		p->next += more;
		p->left -= more;
	}
	*ret_e = ERR_FORMAT;
	if (p->have - p->pos < len)
		return NULL;
	const uint8_t *at = p->room + p->pos;
	p->pos += len;
	*ret_e = OK;
	return at;
}

enum err disk_record_head(struct cache_disk *d, const struct disk_place *p, uint64_t seq,
			  uint8_t *piece, struct disk_header *ret, size_t *got,
			  struct cache_object **ret_object)
{
	uint64_t at = disk_segment_at(&d->shape, p->segment) + (uint64_t)p->at * DISK_UNIT;
	uint64_t len = (uint64_t)p->len * DISK_UNIT;
	size_t n = len < *got ? (size_t)len : *got, needed = 0;
	struct disk_header h;
	TRY(image_read(d->fd, at, piece, n));
	enum err e = disk_header_read(d->key, span_of(piece, n), &h, &needed);
	if (e == ERR_LIMIT && needed <= len) {
		TRY(image_read(d->fd, at + n, piece + n, needed - n));
		n = needed;
		e = disk_header_read(d->key, span_of(piece, n), &h, &needed);
	}
	if (e)
		return ERR_FORMAT;
	if (h.seq != seq || h.hash != p->hash || h.names != p->names || h.variant != p->variant ||
	    h.space != p->space || h.epoch != p->epoch || h.body_len > d->shape.segment ||
	    disk_record_len(h.head_len, h.body_len) != len)
		return ERR_FORMAT;
	TRY(disk_head_read(span_of(piece + DISK_HEADER_LEN, h.head_len), ret_object));
	*ret = h;
	*got = n;
	return OK;
}

static enum err read_body(struct cache_disk *d, const struct disk_header *h, struct pieces *from,
			  struct cache_body *to)
{
	enum err e = OK;
	uint64_t left = h->body_len;
	for (uint64_t number = 0; left; number++) {
		size_t n = left < DISK_BLOCK ? (size_t)left : DISK_BLOCK;
		const uint8_t *at = need(from, n + DISK_CHECK_LEN, &e);
		if (!at)
			return e;
		struct reader r = reader_of(at + n, DISK_CHECK_LEN);
		if (read_u64(&r) != disk_block_check(d->key, h, number, span_of(at, n)))
			return ERR_FORMAT;
		TRY(cache_body_add(to, span_of(at, n), left));
		left -= n;
	}
	cache_body_end(to);
	return OK;
}

/* A record as it was put. ERR_FORMAT. ERR_EXISTS: memory has it already. */
static enum err read_record(struct cache_disk *d, const struct disk_place *p, uint64_t seq,
			    uint8_t *piece, struct cache_object **ret)
{
	struct disk_header h;
	struct pieces from = {.fd = d->fd, .room = piece, .have = PIECE};
	struct cache_object *o = NULL;
	TRY(disk_record_head(d, p, seq, piece, &h, &from.have, &o));
	if (cache_memory_has_same(d->memory, o)) {
		cache_object_unref(o);
		return ERR_EXISTS;
	}
	from.pos = DISK_HEADER_LEN + h.head_len;
	from.next =
		disk_segment_at(&d->shape, p->segment) + (uint64_t)p->at * DISK_UNIT + from.have;
	from.left = (uint64_t)p->len * DISK_UNIT - from.have;
	struct cache_body *body = cache_body_new();
	enum err e = body ? read_body(d, &h, &from, body) : (enum err)ENOMEM;
	if (!e)
		cache_object_give_body(o, body);
	cache_body_unref(body);
	if (e)
		cache_object_unref(o);
	else
		*ret = o;
	return e;
}

/* Under the lock: what became of it, and whether it may be given to the memory tier. */
static bool judge(struct cache_disk *d, const struct disk_place *p, const struct cache_object *o,
		  enum err e)
{
	if (e && e != ENOMEM && e != ERR_EXISTS) {
		disk_read_failed(d, e);
		disk_index_drop(&d->index, p);
		return false;
	}
	if (e)
		return false;
	if (disk_rules_mean(d->rules, o, p->epoch)) {
		disk_index_drop(&d->index, p);
		return false;
	}
	disk_names_learn(&d->names, p->names, o->vary_names);
	d->sums.reads++;
	d->sums.read_bytes += (uint64_t)p->len * DISK_UNIT;
	/* Purged while it was read: the memory tier finds out by `since`, too. */
	return disk_index_is_at(&d->index, p);
}

static bool is_wanted(const struct disk_load *l, uint32_t variant)
{
	for (size_t i = 0; i < l->wanted_n; i++)
		if (l->wanted[i] == variant)
			return true;
	return false;
}

/* Those that were there when it was asked for, and wanted then. */
static size_t find(const struct cache_disk *d, const struct disk_load *l, struct disk_place *ret)
{
	size_t n = disk_index_find(&d->index, l->hash, l->space, ret, CACHE_VARIANTS_MAX), kept = 0;
	for (size_t i = 0; i < n; i++)
		if (is_wanted(l, ret[i].variant))
			ret[kept++] = ret[i];
	return kept;
}

static void load(struct cache_disk *d, const struct disk_load *l, uint8_t *piece)
{
	struct disk_place at[CACHE_VARIANTS_MAX];
	uint64_t seq[CACHE_VARIANTS_MAX];
	disk_lock(d);
	size_t n = find(d, l, at);
	for (size_t i = 0; i < n; i++) {
		seq[i] = d->index.segments[at[i].segment].seq;
		disk_index_pin(&d->index, at[i].segment);
	}
	disk_index_used(&d->index, l->hash);
	disk_unlock(d);
	for (size_t i = 0; i < n; i++) {
		struct cache_object *o = NULL;
		enum err e = read_record(d, &at[i], seq[i], piece, &o);
		disk_lock(d);
		bool good = judge(d, &at[i], o, e);
		disk_index_unpin(&d->index, at[i].segment);
		disk_unlock(d);
		if (good)
			err_ignore(cache_memory_put_loaded(d->memory, o, l->since));
		cache_object_unref(o);
	}
}

void disk_reader_run(void *arg)
{
	struct cache_disk *d = arg;
	uint8_t *piece = malloc(PIECE);
	disk_lock(d);
	while (!d->stop || d->loads_n) {
		if (!d->loads_n) {
			(void)pthread_cond_wait(&d->read_wake, &d->lock);
			continue;
		}
		struct disk_load l = d->loads[d->loads_at];
		d->loads_at = (d->loads_at + 1) % LOADS_MAX;
		d->loads_n--;
		bool reads = !d->stop && piece;
		disk_unlock(d);
		if (reads)
			load(d, &l, piece);
		cache_flight_land(d->memory, l.flight);
		disk_lock(d);
	}
	disk_unlock(d);
	free(piece);
}
