/* Parts of a representation: Range, Content-Range, multipart/byteranges (RFC 9110 14). Knows no
 * file and no message. */
#ifndef PROTO_HTTP_RANGE_H
#define PROTO_HTTP_RANGE_H

#include "base/err.h"
#include "base/span.h"

struct writer;

/* Both ends belong to it. */
struct range {
	uint64_t first, last;
};

enum {
	RANGES_MAX = 16, /* of one request */
	RANGE_BOUNDARY_LEN = 24,
	RANGE_PART_HEAD_MAX = 256, /* bytes of one part's head, its type at most 100 of them */
};

/* The value of Range against a representation of size bytes; those that lie outside are left out.
 * ERR_ABSENT: to be ignored (another unit, malformed, more than RANGES_MAX, or so many overlapping
 * ones that the answer would be longer than the whole: RFC 9110 14.2); ERR_REFUSED: none lies
 * inside, answer 416. */
MUST enum err range_read(struct span value, uint64_t size, struct range ret[RANGES_MAX],
			 size_t *ret_n);

/* "bytes 0-99/1000"; r NULL: an asterisk instead of the ends, for 416. */
void range_write_content_range(struct writer *w, const struct range *r, uint64_t size);

/* What stands before a part of multipart/byteranges, and after the last one (r NULL). boundary:
 * RANGE_BOUNDARY_LEN letters that the caller chose at random. */
void range_write_part(struct writer *w, const char *boundary, struct span type,
		      const struct range *r, uint64_t size);

/* Bytes of the whole multipart body. */
uint64_t range_multipart_len(const char *boundary, struct span type, const struct range *ranges,
			     size_t n, uint64_t size);

#endif
