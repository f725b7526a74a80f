/* The member that a cache adds to Cache-Status (RFC 9211). Knows no message.
 */
#ifndef HTTP_CACHE_STATUS_H
#define HTTP_CACHE_STATUS_H

#include "http-cache/decide.h"

struct writer;

enum { CACHE_STATUS_MAX = 128 };

struct cache_status {
	const char *name; /* a token: which cache */
	bool hit;
	enum cache_forward fwd; /* without hit */
	uint16_t fwd_status;	/* 0: not told */
	bool has_ttl, stored, collapsed;
	int64_t ttl_s;
	const char *detail; /* a token; NULL: none */
};

void cache_status_write(const struct cache_status *s, struct writer *w);

#endif
