/* Answers compressed on their way to the client: whether, by what (RFC 9110 12.5.3), and the filter
 * that does it. Knows the exchange, and no route's reasons.
 *
 * Against BREACH (secrets and an attacker's text in one compressed answer, its length seen through
 * TLS): answers that set cookies are left alone unless the route allows it. What pages themselves
 * carry, such as tokens against forged requests, this cannot see: leave `compress` off where such
 * pages repeat what the request said. */
#ifndef REVERSE_PROXY_ROUTE_COMPRESSION_H
#define REVERSE_PROXY_ROUTE_COMPRESSION_H

#include "compress/compress.h"

struct proxy_exchange;

enum { COMPRESSION_KEPT_MAX = 4 };

/* A worker's: streams that are done with, kept for the next ones. Zeroed storage is one. */
struct compression_pool {
	struct compress *kept[COMPRESS_CODINGS][COMPRESSION_KEPT_MAX]; /* owned */
	size_t kept_n[COMPRESS_CODINGS];
	size_t running, running_max; /* 0: COMPRESSION_RUNNING_MAX */
};
void compression_pool_done(struct compression_pool *p);

struct compression_conf {
	bool on;
	bool cookies; /* also answers that set cookies */
	uint64_t min; /* bytes; shorter ones are not worth it */
	unsigned level;
};

enum { COMPRESSION_RUNNING_MAX = 1024 }; /* in a worker at once; others go as they are */

/* In face.response, when x->response is as it goes to the client otherwise. Marks by Vary what may
 * be compressed for others, even if it is not for this client. */
void compression_begin(struct compression_pool *p, struct proxy_exchange *x,
		       const struct compression_conf *conf);

/* The coding for the value of Accept-Encoding; COMPRESS_IDENTITY: none. Ties go to zstd, then br.
 */
enum compress_coding compression_choose(struct span accept);

#endif
