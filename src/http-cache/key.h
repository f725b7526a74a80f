/* The primary key of what is stored (RFC 9111 2): the target's address in one form, which people
 * read and purge by. Knows no method: only answers to GET are stored.
 */
#ifndef HTTP_CACHE_KEY_H
#define HTTP_CACHE_KEY_H

#include "base/err.h"
#include "base/span.h"

struct writer;

enum { CACHE_KEY_MAX = 8192 };

struct cache_target {
	struct span scheme, host; /* host: uri_host_normal */
	uint16_t port;		  /* 0, or the scheme's own: not written */
	struct span path;	  /* uri_path_normal, with URI_ENCODED_SLASHES or without */
	struct span query;	  /* without the question mark */
	bool has_query;
	bool no_query;		 /* it is no part of the key */
	const char *const *drop; /* drop_n arguments of the query that are no part of it */
	size_t drop_n;
};

/* "https://a.example/x?y". Marks w bad when it does not fit. */
void cache_key_write(const struct cache_target *t, struct writer *w);

/* The address in another field (Location, Content-Location) as a key, if it is of the same origin
 * (4.4: "A cache MUST NOT trigger an invalidation under these conditions if the origin of the URI
 * to be invalidated differs"): absolute, or beginning with a slash. Other references, and what
 * cannot be read: false. */
bool cache_key_of_reference(const struct cache_target *base, struct span reference,
			    struct writer *w);

/* "https://A.example:443/x" as a person writes it, in the key's form; false: it is none. */
bool cache_key_of_text(struct span text, struct writer *w);

#endif
