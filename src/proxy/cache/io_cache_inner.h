/* What the files of the cache share. Knows what io_cache.h knows; nobody else includes it. */
#ifndef PROXY_CACHE_IO_CACHE_INNER_H
#define PROXY_CACHE_IO_CACHE_INNER_H

#include "http-cache/decide.h"
#include "http-cache/key.h"
#include "http-cache/memory.h"
#include "proxy/body_filter.h"
#include "proxy/cache/io_cache.h"
#include "proxy/exchange.h"

enum { PROXY_CONDITIONS_MAX = 16 };

/* In the exchange's memory. */
struct proxy_cached {
	struct proxy_cache_desk *desk;
	struct proxy_exchange *x;
	struct cache_look look; /* request: set before each use */
	uint64_t wait_ms;
	bool status;	  /* is told in Cache-Status */
	const char *name; /* there; never NULL */
	bool looked;	  /* the request is one for the cache */

	struct cache_object *object; /* counted: it answers, or is asked for by condition */
	struct cache_flight *flight;
	bool leads, alone; /* alone: it waited too long */
	bool loads;	   /* it waits for the disk */
	uint8_t loaded;	   /* how often it did; LOADS_MAX: it does no more */
	enum cache_forward
		waited;		 /* why it waited for another request; CACHE_FWD_NOT: it did not */
	enum cache_rule refused; /* what a note says by now */
	uint64_t since;		 /* of the look */
	bool validates;		 /* our conditions are in the request */
	uint64_t until_ms;
	struct proxy_cached *next, **link; /* of the desk's lists */

	/* What is told. */
	bool hit, stale, validated, stored, collapsed;
	enum cache_forward why;
	enum cache_rule rule;
	uint16_t back_status;	     /* of the server's answer */
	uint64_t request_s, went_ms; /* of the wall clock, of the loop's */

	size_t conditions_n;
	bool conditions_taken;

	/* Being kept. */
	struct proxy_filter filter;
	struct cache_object *made; /* without its body */
	struct cache_body *body;
	uint64_t taken;	       /* bytes, of cache_memory_take */
	uint64_t kept, passed; /* bytes of the body: seen; taken by who gets them */

	/* Being sent. */
	struct proxy_source source;
	uint64_t at, end;
	struct cache_chunk *hint;

	/* From here on nothing is cleared. */
	struct cache_policy policy;
	struct cache_directives asked;
	struct cache_target target;
	/* The client's own conditions, which ours stand for: conditions_n. */
	struct http_field conditions[PROXY_CONDITIONS_MAX];
};

static inline void cached_count(struct proxy_cached *c, enum proxy_cache_count which, uint64_t n)
{
	/* One writer. */
	atomic_uint_fast64_t *at = &c->desk->counts[which];
	atomic_store_explicit(at, atomic_load_explicit(at, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static inline struct cache_fields cached_request(const struct proxy_cached *c)
{
	return (struct cache_fields){.at = c->x->request.fields, .n = c->x->request.fields_n};
}

/* io_cache_answer.c: x->response and *ret of c->object. */
void cached_answer(struct proxy_cached *c, struct proxy_verdict *ret);
/* Cache-Status of what is known now. */
void cached_status(struct proxy_cached *c);

/* io_cache_store.c: x->response is being kept from now on; false: it may not be, and what follows
 * from that is done. Then the body as it comes, and its end. */
bool cached_keep_begin(struct proxy_cached *c);
void cached_keep(struct proxy_cached *c, struct span bytes);
void cached_keep_end(struct proxy_cached *c);
/* Begins to keep x->response, if it may; lands the flight, if not. */
void cached_store(struct proxy_cached *c);
/* A note why not, and the flight's end. */
void cached_refuse(struct proxy_cached *c, enum cache_rule rule);
void cached_land(struct proxy_cached *c);
/* c->object with the fields of a 304, or of an answer to HEAD: it is put in, and c->object from now
 * on. */
void cached_freshen(struct proxy_cached *c);
void cached_store_leave(struct proxy_cached *c);

/* io_cache_renew.c: c leads, and c->object is stale: it is asked for anew by a request of our own,
 * which leads from now on. False: it cannot be, and all is as it was. */
MUST bool cached_renew(struct proxy_cached *c);

#endif
