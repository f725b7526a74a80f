/* The access log on its way from the workers to a file: each worker fills pieces of its own, the
 * main thread writes them and gives them back. Knows nothing of what a line says.
 *
 * A worker never waits: while all of its pieces are on their way to a slow disk, its lines are lost
 * and counted.
 */
#ifndef ACCESS_LOG_IO_ACCESS_H
#define ACCESS_LOG_IO_ACCESS_H

#include "base/writer.h"
#include "os/loop.h"
#include "os/rotate.h"

#include <stdatomic.h>

struct spsc_queue;

enum {
	ACCESS_PIECE_SIZE = 64 * 1024,
	ACCESS_PIECES = 16,    /* of each worker */
	ACCESS_DELAY_MS = 200, /* a line reaches the file so late at most */
};

struct access_piece {
	size_t len;
	uint64_t lines;
	uint8_t data[ACCESS_PIECE_SIZE];
};

/* A worker's end; touched by its thread only, but for the queues. */
struct access_out {
	struct spsc_queue *full, *empty; /* of struct access_piece *; NULL: nothing was opened */
	struct access_piece *piece;	 /* being filled; NULL: none is free */
	struct loop *loop, *main;	 /* borrowed */
	struct loop_timer flush;
	atomic_uint_fast64_t lost; /* lines */
	size_t made;		   /* pieces that exist */
};

/* The main thread's end. */
struct access_log {
	struct access_out *outs; /* borrowed; outs_n of them */
	size_t outs_n;
	char folder[ROTATE_PATH_MAX]; /* "": there is none */
	struct rotate_file file;
	enum err error; /* of the last write or open */
	uint64_t lines, lost;
};

/* Before the worker's thread runs. ENOMEM. */
MUST enum err access_out_init(struct access_out *o, struct loop *loop, struct loop *main);
/* When both threads are done with it; accepts zeroed storage. */
void access_out_done(struct access_out *o);

/* Room for a line of at most max bytes, or false: it is lost and counted. To be followed by
 * access_out_end with what was written of it. */
bool access_out_begin(struct access_out *o, size_t max, struct writer *ret);
void access_out_end(struct access_out *o, const struct writer *w);
/* What is there goes to the main thread now. */
void access_out_flush(struct access_out *o);

/* folder: the service's state; NULL: it has none. */
void access_log_init(struct access_log *l, struct access_out *outs, size_t outs_n,
		     const char *folder);
/* Closes the file and, when on, opens it anew, so that one that was moved away is let go. Errors
 * are logged and end nothing. */
void access_log_open(struct access_log *l, bool on, uint64_t size_max, unsigned files);
/* Writes all that the workers have handed over; the main loop's, when it is woken. */
void access_log_turn(struct access_log *l);
void access_log_done(struct access_log *l); /* accepts zeroed storage */

/* Lines that never came to the file. */
uint64_t access_log_lost(const struct access_log *l);

#endif
