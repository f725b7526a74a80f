/* The cache on the way of a request through a proxy: it answers, or the request waits for another
 * one, or goes on and what comes back is kept. Runs in a worker's thread; what it decides by is
 * http-cache/. Knows no route and no configuration.
 */
#ifndef PROXY_CACHE_IO_CACHE_H
#define PROXY_CACHE_IO_CACHE_H

#include "http-cache/key.h"
#include "http-cache/meta.h"
#include "os/loop.h"
#include "proxy/exchange.h"
#include "proxy/face.h"

#include <stdatomic.h>

struct cache_memory;
struct cache_renewal;
struct proxy_cached;
struct proxy_hop;

enum proxy_cache_count {
	PROXY_CACHE_HITS,	 /* answered by what was kept and is fresh */
	PROXY_CACHE_STALE,	 /* by what was not */
	PROXY_CACHE_VALIDATED,	 /* by what a server said is still right */
	PROXY_CACHE_RENEWED,	 /* requests of our own for what was given and is stale */
	PROXY_CACHE_MISSES,	 /* a server answered, as nothing was there to use */
	PROXY_CACHE_BYPASSED,	 /* as the request was none for the cache */
	PROXY_CACHE_COLLAPSED,	 /* answered by what another request had fetched meanwhile */
	PROXY_CACHE_STORED,	 /* answers */
	PROXY_CACHE_INVALIDATED, /* objects, by methods that change things */
	PROXY_CACHE_SAVED_BYTES, /* of bodies that no server had to send */
	PROXY_CACHE_SAVED_MS,	 /* that servers had taken for what was answered from here */
	PROXY_CACHE_COUNTS,
};

/* Where a request of our own goes, and what the service is to be told of when it is over. */
struct proxy_cache_way {
	struct proxy_hop *hop;
	const struct proxy_limits *limits; /* live until `left` */
	void *held;			   /* the service's */
};

/* What the service does for the cache. */
struct proxy_cache_edits {
	/* May what is kept, x->response with a body of len octets, not be given to this client?
	 * True: *ret and x->response answer instead; it stays for others. Where a 304 or a part
	 * will do, too. NULL: all may be given. */
	bool (*refuse)(struct proxy_exchange *x, uint64_t len, struct proxy_verdict *ret);
	/* An answer of what is kept before it is sent, as to those of servers. x->response: fields
	 * only. */
	void (*fields)(struct proxy_exchange *x);
	/* Filters may be added: a whole answer. NULL: none. */
	void (*body)(struct proxy_exchange *x);
	/* To the server that x, a request that is answered from here, would go to. False: nobody
	 * can be asked now, or not without waiting. */
	bool (*way)(struct proxy_exchange *x, struct proxy_cache_way *ret);
	/* status: what was answered; 0: nothing. */
	void (*left)(const struct proxy_cache_way *way, enum proxy_cause cause, uint16_t status);
};

/* A worker's end. Zeroed: no memory, nothing is kept. */
struct proxy_cache_desk {
	struct loop *loop;		       /* borrowed */
	struct cache_memory *memory;	       /* borrowed from main; NULL: none */
	const struct proxy_cache_edits *edits; /* borrowed */
	unsigned number;		       /* of this worker */
	struct loop_timer timer;	       /* to look at who waits */
	struct proxy_cached *waiting, *ready;
	struct cache_renewal *renewals; /* that run */
	size_t renewals_n;
	atomic_uint_fast64_t counts[PROXY_CACHE_COUNTS];
};

void proxy_cache_desk_init(struct proxy_cache_desk *desk, struct loop *loop,
			   struct cache_memory *memory, unsigned number,
			   const struct proxy_cache_edits *edits);

/* Before the core of its worker goes. Accepts zeroed storage. */
void proxy_cache_desk_done(struct proxy_cache_desk *desk);

/* What a service says of a request whose answer may be one that is kept. */
struct proxy_cache_request {
	struct cache_policy policy;
	struct cache_target target; /* its spans and lists live as long as the exchange */
	struct span space;	    /* copied: besides the address, what answers differ by */
	uint64_t wait_ms;	    /* for another request for the same; 0: not at all */
	bool status;		    /* Cache-Status is told */
	const char *name; /* a token: by whom; lives as long as the exchange. NULL: gatehouse */
	bool bypassed;	  /* it goes to a server, and nothing is kept */
};

/* In face.request, once, when the request is what a server would get. NULL: nothing is kept of it,
 * as there is no memory to remember it. All functions below accept that. */
struct proxy_cached *proxy_cached_new(struct proxy_cache_desk *desk, struct proxy_exchange *x,
				      const struct proxy_cache_request *r);
/* In face.request, and again after PROXY_WAIT. *ret: an answer, PROXY_WAIT, or untouched: it goes
 * on. */
void proxy_cached_ask(struct proxy_cached *c, struct proxy_verdict *ret);
/* In face.response, before anything is edited. *ret with PROXY_REPLACE. */
enum proxy_judgement proxy_cached_response(struct proxy_cached *c, struct proxy_verdict *ret);
/* In face.response, when a page of our own is sent instead: nothing of it is kept. */
void proxy_cached_drop(struct proxy_cached *c);
/* In face.response, after the edits: Cache-Status. */
void proxy_cached_fields(struct proxy_cached *c);
/* In face.error: true: *ret answers instead. False: the status may be another one. */
bool proxy_cached_error(struct proxy_cached *c, struct proxy_verdict *ret);
/* In face.done, while what the request was made of is there; once. */
void proxy_cached_leave(struct proxy_cached *c);
/* What the server answered, also where the client is answered otherwise; 0: none did. */
uint16_t proxy_cached_server_status(const struct proxy_cached *c);
/* For the access log: "hit", "miss"; empty: no cache. */
struct span proxy_cached_word(const struct proxy_cached *c);

/* The worker's loop was woken, and from time to time: who waits for what has come, or too long. */
void proxy_cache_turn(struct proxy_cache_desk *desk);

#endif
