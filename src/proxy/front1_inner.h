/* What the files of front1 share. Knows what front1.h knows; nobody else includes it. */
#ifndef PROXY_FRONT1_INNER_H
#define PROXY_FRONT1_INNER_H

#include "proxy/front1.h"

/* What a look at the bytes that are here came to. */
enum front1_step {
	FRONT1_ON,   /* look again */
	FRONT1_READ, /* more bytes are needed */
	FRONT1_HELD, /* nothing is to be done until somebody calls */
	FRONT1_GONE, /* f is gone */
};

/* The client is gone, or must go: its exchange too. */
void front1_end(struct proxy_front1 *f, enum proxy_cause cause, bool abort);
/* We write no more; what the client sends is thrown away until it has ended too. */
void front1_linger(struct proxy_front1 *f);
/* What was received is no request; the face is told, and the connection ends. */
void front1_no_request(struct proxy_front1 *f, enum proxy_cause cause);

/* x->request is filled in, of used bytes of what was received; nothing follows that is no tunnel's.
 */
enum front1_step front1_begin(struct proxy_front1 *f, struct proxy_exchange *x, size_t used);

/* An opaque connection's beginning, and the answer: a tunnel, or the face's own bytes. */
enum front1_step front1_opaque_step(struct proxy_front1 *f);
void front1_opaque_head(struct proxy_front1 *f, const struct proxy_exchange *x, bool end);

/* Between a SOCKS connection's beginning and its request. */
enum front1_step front1_socks_step(struct proxy_front1 *f);
/* The answer to the request: a tunnel, or why there is none. False: there was no room. */
bool front1_socks_head(struct proxy_front1 *f, const struct proxy_exchange *x);

#endif
