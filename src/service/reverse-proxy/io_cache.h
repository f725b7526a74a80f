/* The cache on the way of a request through the reverse proxy: it answers, or the request waits for
 * another one, or goes on and what comes back is kept. Runs in a worker's thread; what it decides
 * by is http-cache/.
 */
#ifndef REVERSE_PROXY_IO_CACHE_H
#define REVERSE_PROXY_IO_CACHE_H

#include "proxy/face.h"

#include <stdatomic.h>

struct cache_memory;
struct reverse_cached;
struct reverse_exchange;
struct reverse_worker;
struct writer;

enum reverse_cache_count {
	REVERSE_CACHE_HITS,	   /* answered by what was kept and is fresh */
	REVERSE_CACHE_STALE,	   /* by what was not */
	REVERSE_CACHE_VALIDATED,   /* by what a server said is still right */
	REVERSE_CACHE_MISSES,	   /* a server answered, as nothing was there to use */
	REVERSE_CACHE_BYPASSED,	   /* as the request was none for the cache */
	REVERSE_CACHE_COLLAPSED,   /* answered by what another request had fetched meanwhile */
	REVERSE_CACHE_STORED,	   /* answers */
	REVERSE_CACHE_INVALIDATED, /* objects, by methods that change things */
	REVERSE_CACHE_SAVED_BYTES, /* of bodies that no server had to send */
	REVERSE_CACHE_COUNTS,
};

/* A worker's end. Zeroed: no memory, nothing is kept. */
struct reverse_cache_desk {
	struct cache_memory *memory; /* borrowed from main; NULL: none */
	unsigned number;	     /* of this worker */
	struct reverse_cached *waiting, *ready;
	atomic_uint_fast64_t counts[REVERSE_CACHE_COUNTS];
};

/* In face.request, when the request is what a server would get. *ret: an answer, PROXY_WAIT, or
 * untouched: it goes on. e->cached is there after that, if the route keeps answers. */
void reverse_cache_ask(struct reverse_worker *w, struct reverse_exchange *e,
		       struct proxy_verdict *ret);
/* In face.response, before anything is edited. *ret with PROXY_REPLACE. */
enum proxy_judgement reverse_cache_response(struct reverse_worker *w, struct reverse_exchange *e,
					    struct proxy_verdict *ret);
/* In face.response, when a page of our own is sent instead: nothing of it is kept. */
void reverse_cache_drop(struct reverse_exchange *e);
/* In face.response, after the edits: Cache-Status. */
void reverse_cache_fields(struct reverse_exchange *e);
/* In face.error: true: *ret answers instead. */
bool reverse_cache_error(struct reverse_worker *w, struct reverse_exchange *e,
			 struct proxy_verdict *ret);
/* In face.done, before the view goes. */
void reverse_cache_leave(struct reverse_worker *w, struct reverse_exchange *e);
/* What the server answered, also where the client is answered otherwise. */
uint16_t reverse_cache_server_status(const struct reverse_exchange *e);
/* For the access log: "hit", "miss"; empty: no cache. */
struct span reverse_cache_word(const struct reverse_exchange *e);

/* The worker's loop was woken, and from time to time: who waits for what has come, or too long. */
void reverse_cache_turn(struct reverse_worker *w);

#endif
