/* What the threads of the disk tier share. Knows what disk.h knows; nobody else includes it. */
#ifndef HTTP_CACHE_IO_DISK_INNER_H
#define HTTP_CACHE_IO_DISK_INNER_H

#include "http-cache/disk/disk.h"
#include "http-cache/disk/forgotten.h"
#include "http-cache/disk/index.h"
#include "http-cache/disk/names.h"
#include "http-cache/disk/record.h"
#include "http-cache/disk/rules.h"
#include "os/thread.h"

enum {
	READERS = 4,
	LOADS_MAX = 1024,  /* that wait for a reader */
	WRITES_MAX = 4096, /* objects that wait for the writer */
	BATCH_MAX = 64,	   /* objects of one turn of the writer */
	BUFFER_SIZE = 1024 * 1024,
	PIECE = 256 * 1024, /* of what is read at once; a whole header and head */
};
static_assert(PIECE >= DISK_HEADER_LEN + DISK_HEAD_MAX, "a head is not read at once");

/* An object on its way to the disk. */
struct disk_write {
	struct cache_object *object; /* counted */
	uint64_t hash, bytes;
	uint32_t names, variant, epoch;
	uint16_t space;
	bool cancelled; /* purged, or another one came after it */
	struct disk_write *next;
};

struct disk_load {
	struct cache_flight *flight; /* its leader's count */
	uint64_t hash, since;
	uint16_t space;
	uint8_t wanted_n;
	uint32_t wanted[CACHE_VARIANTS_MAX]; /* variants */
};

/* A record that is written, but for its entry. */
struct disk_pending {
	struct disk_place place;
	uint64_t order;
	const struct disk_write *of; /* NULL: it was moved */
	struct disk_place from;
};

/* The writer's own. */
struct disk_writer {
	uint8_t *buffer; /* owned: BUFFER_SIZE */
	size_t len;
	uint64_t at;	 /* of the buffer's first byte in the file */
	uint8_t *piece;	 /* owned: PIECE; for what lasts no longer than one call */
	uint8_t *head;	 /* owned: a header and a head */
	enum err e;	 /* of what was written since the last commit */
	bool is_open[2]; /* by queue */
	uint32_t segment[2];
	uint64_t end[2]; /* bytes of that segment */
	struct disk_pending pending[BATCH_MAX];
	size_t pending_n;
	bool cleans;
	uint32_t sweep_at, sweep_epoch;
	bool swept;	/* it came to the end; what it found is to be marked */
	uint8_t *rules; /* owned: DISK_RULES_LEN */
};

struct cache_disk {
	int fd;
	struct hash_key key;
	struct disk_shape shape;
	uint64_t object_max, queue_max;
	struct cache_memory *memory; /* borrowed */
	struct thread writer, readers[READERS];
	bool started;
	struct disk_writer w;

	/* Held for a look or a change, never while the disk is waited for. */
	pthread_mutex_t lock;
	pthread_cond_t write_wake, read_wake, flushed;
	struct disk_index index;
	struct disk_names names;
	struct disk_rules *rules; /* owned */
	struct disk_forgotten forgotten;
	struct disk_forgotten_found *found; /* borrowed, while it is opened */
	bool cleaning; /* a segment goes, of which nothing but the disk tells any more */
	bool unsure;   /* a write failed: so it may be with what that left, until that is marked */
	bool rules_dirty, sweeps;
	unsigned purging;   /* purges whose `again` is to come: no rule goes until then */
	bool purging_floor; /* one of them means everything */
	struct disk_write *first, **last, *now; /* waiting; in the writer's hands */
	size_t writes_n;
	uint64_t writes_bytes;
	struct disk_load loads[LOADS_MAX]; /* a ring */
	size_t loads_at, loads_n;
	uint64_t order;
	bool stop;
	uint64_t flush_wanted, flush_done;
	bool flush_failed;
	uint64_t rest_until_ms; /* after an error of writing */
	struct cache_disk_sums sums;
};

void disk_lock(struct cache_disk *d);
void disk_unlock(struct cache_disk *d);
struct timespec disk_after(unsigned ms); /* of the conditions' clock */
/* By whoever holds the lock. */
void disk_read_failed(struct cache_disk *d, enum err e);
void disk_write_failed(struct cache_disk *d, enum err e);

/* io_disk_read.c: the head of a record at p as an object; piece: PIECE bytes. *got: how much of it
 * to read at once, PIECE at most; then how much was read. ERR_FORMAT: torn. */
MUST enum err disk_record_head(struct cache_disk *d, const struct disk_place *p, uint64_t seq,
			       uint8_t *piece, struct disk_header *ret, size_t *got,
			       struct cache_object **ret_object);
/* The threads. */
void disk_reader_run(void *arg);
void disk_writer_run(void *arg);

/* By whoever holds the lock: what there is of that hash is forgotten; `was`: in the index or in the
 * writer's hands. */
void disk_forget(struct cache_disk *d, uint64_t hash, bool was);

/* io_disk_clean.c: makes segments free until there are some in reserve. By the writer. */
void disk_clean(struct cache_disk *d);
/* One step of a purge's way through all records. */
void disk_sweep_step(struct cache_disk *d);

/* io_disk_write.c, for the cleaning: a record of that many bytes is begun in that queue; false:
 * there is no room. */
MUST bool disk_writer_begin(struct cache_disk *d, enum disk_queue queue, uint64_t len,
			    struct disk_place *ret, uint64_t *ret_seq);
void disk_writer_add(struct cache_disk *d, const void *bytes, size_t len);
/* It is whole: its entry is written by the next commit. */
void disk_writer_end(struct cache_disk *d, const struct disk_pending *p);
void disk_writer_commit(struct cache_disk *d);

#endif
