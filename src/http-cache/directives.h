/* Cache-Control of requests and responses (RFC 9111 5.2), its extensions of RFC 5861, and the
 * targeted form for caches like this one (CDN-Cache-Control, RFC 9213), read into one struct. Knows
 * no clock and decides nothing.
 */
#ifndef HTTP_CACHE_DIRECTIVES_H
#define HTTP_CACHE_DIRECTIVES_H

#include "http-cache/fields.h"

/* RFC 9111 1.2.2: what is greater counts as this. */
#define CACHE_SECONDS_MAX  (UINT32_C(1) << 31)
#define CACHE_SECONDS_NONE UINT32_MAX /* the directive is not there */

struct cache_directives {
	/* Seconds, or CACHE_SECONDS_NONE. Of a directive that is there twice the first counts
	 * (4.2.1); one that is malformed counts as 0: stale. max_stale_s without a value is
	 * CACHE_SECONDS_MAX. */
	uint32_t max_age_s, s_maxage_s, min_fresh_s, max_stale_s;
	uint32_t stale_while_revalidate_s, stale_if_error_s;
	bool no_cache, no_store, is_private, is_public; /* the two with fields: unqualified */
	bool must_revalidate, proxy_revalidate, must_understand, no_transform, only_if_cached;
	bool any; /* a field was there */
	/* The names in the qualified forms, as a list; empty: none. Of two of a kind nothing is
	 * left out: then the unqualified one holds, which allows less. */
	struct span no_cache_fields, private_fields;
};

/* delta-seconds (1.2.2), what is too large as CACHE_SECONDS_MAX. False: it is none. */
bool cache_seconds_read(struct span text, uint32_t *ret);

/* All Cache-Control fields. Unknown directives are passed over (5.2.3: "A cache MUST ignore
 * unrecognized cache directives"). */
void cache_directives_read(struct cache_fields f, struct cache_directives *ret);

/* What a response says to this cache: CDN-Cache-Control where it is there and well formed
 * (RFC 9213 2.2: then Cache-Control and Expires count for nothing; *ret_targeted), else
 * Cache-Control. */
void cache_directives_of_response(struct cache_fields f, struct cache_directives *ret,
				  bool *ret_targeted);

/* Is the name in one of the lists above? */
bool cache_names_have(struct span list, struct span name);

#endif
