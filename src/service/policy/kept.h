/* What stands at the start of a kept list's file, ahead of its text: where the text is from, by
 * what its server knows it again, and how long it is. Both lie in one file, so that no crash can
 * part them. Does no I/O.
 */
#ifndef POLICY_KEPT_H
#define POLICY_KEPT_H

#include "base/err.h"
#include "base/span.h"

enum {
	KEPT_HEAD_LEN = 4096,
	KEPT_FROM_MAX = 2049, /* octets with the NUL */
	KEPT_TAG_MAX = 256,
};

struct kept {
	char from[KEPT_FROM_MAX];			 /* the URL, or the path */
	char etag[KEPT_TAG_MAX], modified[KEPT_TAG_MAX]; /* of its answer; "" */
	uint64_t text_len, names;
	uint64_t taken_s; /* since 1970 */
};

void kept_write(const struct kept *k, uint8_t ret[KEPT_HEAD_LEN]);
/* file: the whole file. ERR_FORMAT: torn, or none of ours. */
MUST enum err kept_read(struct span file, struct kept *ret, struct span *ret_text);

#endif
