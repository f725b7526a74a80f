/* The part of a cache key that an answer's Vary asks for (RFC 9111 4.1): which fields of the
 * request, and what they said, in one text in which equal meanings are equal bytes. Knows no
 * storage.
 */
#ifndef HTTP_CACHE_VARY_H
#define HTTP_CACHE_VARY_H

#include "http-cache/fields.h"

struct writer;

enum {
	CACHE_VARY_NAMES_MAX = 32,
	CACHE_VARY_MAX = 4096, /* bytes of names and values together */
};

/* The names that the response's Vary lists, in lower case, each once, one blank between them: what
 * cache_vary_write takes. Marks w bad when they are too many or do not fit. "*" among them is for
 * cache_may_store. */
void cache_vary_names(struct cache_fields response, struct writer *w);

/* What a request says in the fields named: compared as bytes, it is equal exactly when the
 * selecting fields match. White space around commas and colons is dropped, several fields of one
 * name are joined, Accept-Encoding is put in order without regard to case; absent is told from
 * empty. */
void cache_vary_write(struct span names, struct cache_fields request, struct writer *w);

#endif
