/* What is answered for a file: which one a path means, whether the client has it already, which
 * parts of it are wanted (RFC 9110 13, 14). Knows neither descriptors nor the exchange. */
#ifndef REVERSE_PROXY_ROUTE_FILE_H
#define REVERSE_PROXY_ROUTE_FILE_H

#include "proto/http/range.h"

enum { FILE_NAME_MAX = 1024, FILE_ETAG_MAX = 40 };

/* The name below the root for a path in normal form: decoded, without the slash in front; "" is the
 * root. ERR_REFUSED: a segment begins with a dot (but .well-known), or has a NUL, a slash or a
 * backslash in it; ERR_LIMIT: too long. A slash at the path's end is left out. */
MUST enum err file_name(struct span path, char ret[FILE_NAME_MAX]);

/* Of a file's size, time and number: with quotes, strong. coding: 0, or a letter that tells a
 * compressed one beside it from the plain one. Returns the length. */
size_t file_etag(uint64_t size, uint64_t mtime_ns, uint64_t inode, char coding,
		 char ret[FILE_ETAG_MAX]);

struct file_asked {
	bool get; /* GET; else HEAD: ranges are not looked at */
	/* Values of the fields, joined where there were several; empty: none. */
	struct span if_match, if_none_match, if_modified_since, if_unmodified_since, if_range,
		range;
};

struct file_facts {
	uint64_t size, mtime_s, now_s;
	struct span etag;
};

struct file_answer {
	unsigned status; /* 200, 206, 304, 412, 416 */
	size_t ranges_n; /* of 206: one, or several for multipart/byteranges */
	struct range ranges[RANGES_MAX];
};

/* In the order of RFC 9110 13.2.2. */
void file_judge(const struct file_asked *asked, const struct file_facts *facts,
		struct file_answer *ret);

#endif
