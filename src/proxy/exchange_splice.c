/* The rest of a long answer's body, from the kernel to the kernel. */
#include "proxy/exchange_inner.h"
#include "proxy/pace.h"
#include "proxy/transport.h"

static bool may_splice(const struct proxy_exchange *x, const struct proxy_transport *from,
		       uint64_t left)
{
	const struct proxy_worker *w = x->worker;
	return w->io->splice_take && x->phase == PROXY_PHASE_ANSWER && !x->filters &&
	       x->front->ops->splice && proxy_transport_can_splice(from) && left >= w->splice_min;
}

enum proxy_splicing proxy_exchange_splice(struct proxy_exchange *x, struct proxy_transport *from,
					  uint64_t left, uint64_t *ret_got)
{
	struct proxy_worker *w = x->worker;
	struct proxy_spliced moved;
	*ret_got = 0;
	if (!x->splice && !may_splice(x, from, left))
		return PROXY_SPLICE_NOT;
	struct proxy_transport *to = x->front->ops->splice(x->front, x, left);
	if (!to)
		return x->splice ? PROXY_SPLICE_WAIT : PROXY_SPLICE_NOT;
	if (!x->splice)
		x->splice = w->io->splice_take(w);
	if (!x->splice)
		return PROXY_SPLICE_NOT;
	/* What is in the pipe was counted and goes first: without room for more the exchange ends.
	 */
	uint64_t most = left;
	if (x->pace)
		most = x->response_held ? 0 : proxy_pace_may(x->pace, PROXY_PACE_DOWN, left);
	enum err e = proxy_splice_move(x->splice, from, to, most, &moved);
	if (x->pace)
		proxy_pace_took(x->pace, PROXY_PACE_DOWN, moved.got);
	*ret_got = moved.got;
	x->response_bytes += moved.got;
	x->sent_bytes += moved.put;
	proxy_count_add(&w->counts, PROXY_COUNT_SPLICED_BYTES, moved.put);
	x->response_held = moved.held != 0;
	x->front->ops->spliced(x->front, moved.put, moved.gone);
	if (e)
		return PROXY_SPLICE_TORN;
	x->response_ended = moved.got == left && !moved.held;
	if (x->response_ended)
		w->io->splice_give(w, TAKE(x->splice));
	bool more = moved.more;
	/* What was granted has gone, and the rest of what came lies unread: no event tells of it.
	 */
	if (moved.got == most && most < left && !moved.held) {
		more = proxy_pace_may(x->pace, PROXY_PACE_DOWN, left - most) > 0;
		x->response_held = !more;
	}
	exchange_arm(x);
	if (more)
		return PROXY_SPLICE_MORE;
	return x->response_ended ? PROXY_SPLICE_DONE : PROXY_SPLICE_WAIT;
}
