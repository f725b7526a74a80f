#include "proxy/worker.h"

#include "proxy/back1.h"
#include "proxy/entry.h"
#include "proxy/front1.h"
#include "proxy/inspect.h"
#include "proxy/relay.h"
#include "proxy/share2.h"

void proxy_worker_init(struct proxy_worker *w, uint64_t now_ms, size_t connections_max,
		       size_t exchanges_max, size_t buffers_max)
{
	*w = (struct proxy_worker){.now_ms = now_ms, .now_us = now_ms * 1000};
	proxy_buffers_init(&w->buffers, buffers_max);
	slab_init(&w->front1s, sizeof(struct proxy_front1), connections_max);
	slab_init(&w->entry_slab, proxy_entry_size, connections_max);
	slab_init(&w->back1s, sizeof(struct proxy_back1), connections_max);
	slab_init(&w->relays, sizeof(struct proxy_relay), connections_max);
	slab_init(&w->inspects, sizeof(struct proxy_inspect), connections_max);
	wheel_init(&w->wheel, now_ms);
	w->exchanges_max = exchanges_max;
	large_init(&w->exchanges_memory, sizeof(struct proxy_exchange), SIZE_MAX);
}

void proxy_worker_done(struct proxy_worker *w)
{
	ASSERT(!w->fronts);
	proxy_exchanges_done(w);
	proxy_share2_done(w);
	slab_done(&w->front1s);
	slab_done(&w->back1s);
	slab_done(&w->relays);
	slab_done(&w->inspects);
	slab_done(&w->entry_slab);
	proxy_buffers_done(&w->buffers);
}

void proxy_worker_trim(struct proxy_worker *w)
{
	proxy_buffers_trim(&w->buffers);
	proxy_exchanges_trim(w);
}

void proxy_worker_turn(struct proxy_worker *w)
{
	/* Before anybody is late: who has composed all that he had to say is not, nor who has said
	 * what we put off, or have not been told of. */
	proxy_sends_run(w);
	proxy_later_run(&w->later);
	if (!w->backlog)
		proxy_deadline_advance(&w->wheel, w->now_ms);
	proxy_sends_run(w);
}
