/* Bytes between two transports, both ways, until both sides have ended: back pressure, half-close,
 * an idle limit, counts. Knows nothing of what the bytes say, nor how the transports came to be.
 *
 * Little traffic goes through a buffer of the worker's pool. When a buffer is filled at once, more
 * is behind it: from then on the bytes of that direction go from kernel to kernel by a pipe, until
 * little comes again. Between events nothing is owned but what one side does not take.
 *
 * When one side is gone (a write to it failed, or it broke), what it said before is not: all that
 * the kernel still has of it is read and given to the other side, and the relay ends when that has
 * arrived there, as the reset that follows would take it from the queue; for LAST_MS at most. What
 * that side sends meanwhile is read and dropped.
 */
#ifndef PROXY_RELAY_H
#define PROXY_RELAY_H

#include "proxy/deadline.h"
#include "proxy/later.h"
#include "proxy/records.h"
#include "proxy/transport.h"

struct proxy_buffer;
struct proxy_pace;
struct proxy_relay;
struct proxy_splice;
struct proxy_worker;

enum proxy_relay_end {
	PROXY_RELAY_ENDED, /* both in order, and all bytes were passed on: close both */
	PROXY_RELAY_BROKE, /* the side of `broken` has: reset both, so that both see it. What it
			    * had said has arrived at the other */
	PROXY_RELAY_IDLE,  /* nothing moved for idle_ms */
	PROXY_RELAY_BUSY,  /* there was no buffer */
};

/* One direction. */
struct proxy_relay_way {
	struct proxy_transport *from, *to; /* borrowed from the relay's owner */
	struct proxy_buffer *held;	   /* for `to`; NULL: nothing */
	struct proxy_splice *splice;	   /* with bytes for `to` in it; NULL: none */
	uint64_t bytes;			   /* given to `to` so far */
	size_t burst;			   /* spliced since `from` was empty last */
	struct proxy_records records;	   /* given to `to`, when that is TLS */
	bool ended;			   /* `from` writes no more */
	bool finished;			   /* and `to` knows */
	bool much;			   /* worth a pipe */
};

enum { PROXY_RELAY_UP, PROXY_RELAY_DOWN };

/* The owner may free it, and close the transports. */
typedef void proxy_relay_done_call(struct proxy_relay *r, enum proxy_relay_end how);

/* Embedded in its owner; zeroed, then begun. */
struct proxy_relay {
	struct proxy_relay_way ways[2]; /* UP: from the first transport to the second */
	struct proxy_worker *w;
	struct proxy_deadline deadline;
	struct proxy_later later;
	uint32_t idle_ms; /* 0: no limit */
	uint8_t broken;	  /* with PROXY_RELAY_BROKE: the way whose `from` broke */
	bool turning;
	bool dying;	     /* `broken` is known: its last words are passed on */
	bool in_order;	     /* and they ended in order: the other side may know it */
	uint64_t last_by_ms; /* until when */
	proxy_relay_done_call *done;
	void *owner;		 /* for the owner's use */
	struct proxy_pace *pace; /* the owner's; NULL: as fast as they can */
};

/* Both transports are open. Nothing happens in here: what is to go before all else may be put into
 * `held` of a way, and `ended` set, then the owner calls proxy_relay_turn, and again whenever
 * either transport tells anything. */
void proxy_relay_begin(struct proxy_relay *r, struct proxy_worker *w, struct proxy_transport *a,
		       struct proxy_transport *b, uint32_t idle_ms, proxy_relay_done_call *done);
/* Moves what can be moved. `done` may be called, and r be gone. */
void proxy_relay_turn(struct proxy_relay *r);
/* Gives everything back, what was held too; `done` is not called. Before `done` it has happened.
 * Accepts one that was stopped, or zeroed. */
void proxy_relay_stop(struct proxy_relay *r);

#endif
