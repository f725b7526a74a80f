/* How a stored response answers this client: whole, as 304, in part, or that the part is not there
 * (RFC 9111 4.3.2, RFC 9110 13 and 14). Knows no connection.
 */
#ifndef HTTP_CACHE_ANSWER_H
#define HTTP_CACHE_ANSWER_H

#include "http-cache/meta.h"
#include "proto/http/range.h"

enum cache_answer {
	CACHE_ANSWER_WHOLE,
	CACHE_ANSWER_NOT_MODIFIED, /* 304: cache_field_is_of_304 says which fields go with it */
	CACHE_ANSWER_PART,	   /* 206: one range; of several the whole is sent, which RFC 9110
				    * 14.2 allows ("A server MAY ignore the Range header field") */
	CACHE_ANSWER_NO_PART,	   /* 416 */
};

/* m: of a stored answer; size: of its body. */
enum cache_answer cache_answer(const struct cache_meta *m, uint64_t size, struct span method,
			       struct cache_fields request, struct range *ret_part);

/* RFC 9110 15.4.5: those that a 304 has too; others about the representation stay away. */
bool cache_field_is_of_304(const struct http_field *f);

/* A condition that only the server may judge (4.3.2: If-Match, If-Unmodified-Since). */
bool cache_has_foreign_condition(struct cache_fields request);

#endif
