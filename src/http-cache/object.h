/* An answer as it is stored: its head and its body, counted, and never changed once it can be
 * found. Knows neither where it is found nor what is decided about it.
 *
 * A body is shared by the objects that came of one another by validation (RFC 9111 4.3.4): a new
 * head, the same bytes. A tier that keeps bodies elsewhere (on a disk) joins by another kind of
 * struct cache_body behind cache_body_at.
 */
#ifndef HTTP_CACHE_OBJECT_H
#define HTTP_CACHE_OBJECT_H

#include "http-cache/meta.h"
#include "http-cache/s3fifo.h"
#include "http-cache/store.h"

#include <stdatomic.h>

struct cache_chunk;
struct cache_slot;

struct cache_body {
	atomic_uint refs;
	uint64_t len, room;		  /* bytes; of the memory that is taken */
	struct cache_chunk *first, *last; /* owned */
};

struct cache_body *cache_body_new(void);     /* NULL: no memory */
void cache_body_unref(struct cache_body *b); /* accepts NULL */
/* Only before it is in an object that can be found. expected: bytes still to come, if that is
 * known; 0: not. ENOMEM. */
MUST enum err cache_body_add(struct cache_body *b, struct span bytes, uint64_t expected);
/* It came to its end: gives room back that a short one does not need. */
void cache_body_end(struct cache_body *b);
/* The bytes from offset on that lie together, at least one; empty at the end. *hint: where the walk
 * stands (NULL at the start), kept by the caller; offsets of one walk do not fall. */
struct span cache_body_at(const struct cache_body *b, uint64_t offset, struct cache_chunk **hint);

struct cache_object {
	atomic_uint refs;
	enum cache_rule rule; /* CACHE_MAY_STORE; else nothing is stored but why not */
	struct cache_meta meta;
	struct span key;	   /* cache_key_write */
	struct span space;	   /* what else must be equal: the route, parts of the request */
	struct span vary_names;	   /* cache_vary_names */
	struct span vary;	   /* cache_vary_write of the request */
	struct span tags;	   /* with a blank before and behind each; empty: none */
	struct http_field *fields; /* all in this object's own memory, which it is followed by */
	size_t fields_n;
	struct cache_body *body; /* owned count; NULL with a rule */
	uint64_t size;		 /* bytes of memory, its own and the body's */
	uint64_t written_ms; /* when the disk got it, or what it is a fresher form of; 0: never */
	uint32_t fetch_ms;   /* what the server took for it, to its last byte; 0: not known */
	atomic_uint_fast64_t hits;
	/* Of the memory tier, under its lock. */
	struct s3fifo_node node;
	struct cache_slot *slot;
	struct cache_object *next;
};

/* What becomes of an answer that is stored. All is copied. */
struct cache_object_parts {
	enum cache_rule rule;
	uint16_t status;
	struct span key, space, vary_names, vary;
	struct cache_fields fields;
	const struct cache_policy *policy;
	uint64_t request_s, response_s;
	struct cache_body *body; /* a count is taken; NULL: none */
};

/* One count is the caller's. Fields that are not stored (cache_field_is_stored) are left out;
 * Surrogate-Key and Cache-Tag become tags. NULL: no memory. */
struct cache_object *cache_object_new(const struct cache_object_parts *parts);
static inline struct cache_object *cache_object_ref(struct cache_object *o)
{
	atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
	return o;
}
void cache_object_unref(struct cache_object *o); /* any thread; accepts NULL */

static inline struct cache_fields cache_object_fields(const struct cache_object *o)
{
	return (struct cache_fields){.at = o->fields, .n = o->fields_n};
}

/* Of one that cannot be found yet, and has no body: it takes a count. */
void cache_object_give_body(struct cache_object *o, struct cache_body *b);

/* Whether they differ in nothing but when they are of, and how long they are fresh for that. */
bool cache_object_same_but_times(const struct cache_object *a, const struct cache_object *b);
/* Whether the disk is to get it now, which is remembered: what says the same as what it got a
 * minute ago is not written again, else whoever asks for something newer has a body written each
 * time. */
MUST bool cache_object_is_due(struct cache_object *o, uint64_t now_ms);

bool cache_object_has_tag(const struct cache_object *o, struct span tag);

#endif
