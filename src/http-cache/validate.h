/* Validation of what is stored (RFC 9111 4.3): the condition under which it is asked for, whether
 * an answer is of it, and what its fields become. Knows no connection.
 */
#ifndef HTTP_CACHE_VALIDATE_H
#define HTTP_CACHE_VALIDATE_H

#include "http-cache/meta.h"
#include "http-cache/store.h"

struct writer;

enum { CACHE_CONDITIONS_MAX = 2 };

/* The preconditions of a validation request (4.3.1): If-None-Match of its tag, If-Modified-Since of
 * its Last-Modified. 0: it has nothing to be validated by. Values lie in the meta's fields, and
 * dates at w (HTTP_DATE_LEN). */
size_t cache_conditions(const struct cache_meta *m, struct writer *w,
			struct http_field ret[CACHE_CONDITIONS_MAX]);

/* Fields of a client's own conditions and of parts: what a request for the whole leaves out. */
bool cache_field_is_condition(uint16_t id);

/* Does a 304 with these fields stand for what is stored (4.3.4)? */
bool cache_is_freshened_by(const struct cache_meta *m, struct cache_fields not_modified);
/* Does a 200 to HEAD (4.3.5)? length: of its Content-Length, UINT64_MAX: none. */
bool cache_is_freshened_by_head(const struct cache_meta *m, uint64_t size, struct cache_fields head,
				uint64_t length);

/* 3.2: the stored fields, each replaced by all of its name in the new ones, then those that are
 * new; Date is the new one's, or none. ret: max of them. ERR_LIMIT. */
MUST enum err cache_fields_freshen(struct cache_fields stored, struct cache_fields new,
				   const struct cache_policy *policy, struct http_field *ret,
				   size_t max, size_t *ret_n);

#endif
