/* What HTTP/2 connections of a worker share, both sides: the sessions' memory, their roles, what is
 * counted. Made when the first of them comes; knows no connection.
 */
#ifndef PROXY_SHARE2_H
#define PROXY_SHARE2_H

#include "base/slab.h"
#include "proto/http2/heap.h"
#include "proto/http2/session.h"
#include "proxy/convert2.h"

struct proxy_back2;
struct proxy_front2;
struct proxy_worker;

struct proxy_share2 {
	struct http2_heap heap;
	struct http2_role front, back;
	struct http2_counts front_counts, back_counts;
	struct http2_counts front_told, back_told; /* what w->counts has of them */
	struct slab front2s, front_streams, back2s, back_streams;
	struct proxy_front2 *fronts; /* all of them, for the drain */
	struct proxy_back2 *backs;   /* all of them */
	size_t fronts_n;
	struct proxy_out2 out; /* of the head that is being written */
};

/* ENOMEM. */
MUST enum err proxy_share2_get(struct proxy_worker *w, struct proxy_share2 **ret);
/* All connections must be closed. Accepts a worker without. */
void proxy_share2_done(struct proxy_worker *w);
/* What was counted since the last call goes to w->counts. */
void proxy_share2_tell(struct proxy_worker *w);

extern const struct http2_events proxy_front2_events, proxy_back2_events;

#endif
