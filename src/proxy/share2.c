#include "proxy/share2.h"

#include "proxy/back2_inner.h"
#include "proxy/front2_inner.h"

#include <stdlib.h>

enum {
	SESSIONS_BYTES = 1 << 30, /* of all sessions' memory, for each size of pieces */
	CONNECTIONS = 1 << 20,	  /* the worker's own limits come first */
	STREAMS = 1 << 22,
};

/* A stream's window is what a slow back end makes us hold for it, at most; a connection's what all
 * its streams together may. */
static const struct http2_limits limits = {
	.streams_max = 128,
	.window_stream = 256 * 1024,
	.window = 1024 * 1024,
	.head_max = PROXY_BUFFER_SIZE,
	.memory_max = 1024 * 1024,
	.connect_protocol = true,
};

/* A connection to a back end carries many clients' streams: those that some client does not take
 * must not be able to close the window to the others, so it has room for all of them. */
static const struct http2_limits back_limits = {
	.streams_max = 128,
	.window_stream = 256 * 1024,
	.window = 128 * 256 * 1024,
	.head_max = PROXY_BUFFER_SIZE,
	.memory_max = 1024 * 1024,
};

static void share_free(struct proxy_share2 *s)
{
	http2_role_done(&s->front);
	http2_role_done(&s->back);
	http2_heap_done(&s->heap);
	slab_done(&s->front2s);
	slab_done(&s->front_streams);
	slab_done(&s->back2s);
	slab_done(&s->back_streams);
	free(s);
}

enum err proxy_share2_get(struct proxy_worker *w, struct proxy_share2 **ret)
{
	if (w->share2) {
		*ret = w->share2;
		return OK;
	}
	struct proxy_share2 *s = calloc(1, sizeof(*s));
	if (!s)
		return ENOMEM;
	http2_heap_init(&s->heap, SESSIONS_BYTES);
	slab_init(&s->front2s, sizeof(struct proxy_front2), CONNECTIONS);
	slab_init(&s->front_streams, sizeof(struct front2_stream), STREAMS);
	slab_init(&s->back2s, sizeof(struct proxy_back2), CONNECTIONS);
	slab_init(&s->back_streams, sizeof(struct back2_stream), STREAMS);
	enum err e = http2_role_init(&s->front, HTTP2_SERVER, &limits, &proxy_front2_events);
	if (!e)
		e = http2_role_init(&s->back, HTTP2_CLIENT, &back_limits, &proxy_back2_events);
	if (e) {
		share_free(s);
		return e;
	}
	*ret = w->share2 = s;
	return OK;
}

void proxy_share2_done(struct proxy_worker *w)
{
	if (!w->share2)
		return;
	ASSERT(!w->share2->fronts);
	share_free(TAKE(w->share2));
}

static void tell(struct proxy_counts *to, unsigned at, uint64_t now, uint64_t *told)
{
	if (now == *told)
		return;
	proxy_count_add(to, at, now - *told);
	*told = now;
}

static void tell_side(struct proxy_worker *w, const struct http2_counts *now,
		      struct http2_counts *told)
{
	struct proxy_counts *to = &w->counts;
	tell(to, PROXY_COUNT_STREAMS2, now->streams, &told->streams);
	tell(to, PROXY_COUNT_BROKEN2, now->broken, &told->broken);
	tell(to, PROXY_COUNT_RESETS2_IN, now->resets_in, &told->resets_in);
	tell(to, PROXY_COUNT_RESETS2_OUT, now->resets_out, &told->resets_out);
	for (unsigned i = 0; i < HTTP2_FLOODS; i++)
		tell(to, PROXY_COUNT_FLOOD2 + i, now->floods[i], &told->floods[i]);
	for (unsigned i = 0; i < HTTP2_FAULTS; i++)
		tell(to, PROXY_COUNT_FAULT2 + i, now->faults[i], &told->faults[i]);
}

void proxy_share2_tell(struct proxy_worker *w)
{
	struct proxy_share2 *s = w->share2;
	tell_side(w, &s->front_counts, &s->front_told);
	tell_side(w, &s->back_counts, &s->back_told);
}
