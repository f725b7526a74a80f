/* The bodies of an exchange: from one end to the other, through filters, from a face's own answer.
 */
#include "proxy/body_filter.h"
#include "proxy/exchange_inner.h"
#include "proxy/face.h"
#include "proxy/hop.h"
#include "proxy/pace.h"

typedef size_t push_call(struct proxy_exchange *x, struct span bytes, bool end);

/* As much of the bytes as may go by now; the rest, and the end with it, when its time has come. */
static size_t push_paced(struct proxy_exchange *x, enum proxy_pace_direction way, struct span bytes,
			 bool end, push_call *push)
{
	size_t sum = 0;
	while (sum < bytes.len) {
		struct span rest = span_sub(bytes, sum, SIZE_MAX);
		size_t most = proxy_pace_may(x->pace, way, rest.len);
		if (!most) {
			exchange_arm(x);
			break;
		}
		size_t n = push(x, span_of(rest.data, most), end && most == rest.len);
		proxy_pace_took(x->pace, way, n);
		sum += n;
		if (n < most)
			break;
	}
	return sum;
}

static size_t push(struct proxy_exchange *x, enum proxy_pace_direction way, struct span bytes,
		   bool end, push_call *call)
{
	return x->pace && bytes.len ? push_paced(x, way, bytes, end, call) : call(x, bytes, end);
}

/* ---- the request's ---- */

static size_t to_back(struct proxy_exchange *x, struct span bytes, bool end)
{
	return x->back->ops->body(x->back, x, bytes, end);
}

void exchange_request_push(struct proxy_exchange *x)
{
	if (x->first && !exchange_first_pass(x))
		return;
	if (!x->at_hand.len) {
		x->front->ops->resume(x->front, x);
		return;
	}
	struct span rest = span_sub(x->at_hand, x->at_hand_sent, x->at_hand.len);
	size_t n = push(x, PROXY_PACE_UP, rest, true, to_back);
	x->request_bytes = x->at_hand_sent += n;
	if (n == rest.len) {
		x->request_ended = true;
		exchange_arm(x);
	}
}

size_t proxy_exchange_request_body(struct proxy_exchange *x, struct span bytes, bool end)
{
	if (!x->back || (x->phase != PROXY_PHASE_SENT && x->phase != PROXY_PHASE_ANSWER &&
			 x->phase != PROXY_PHASE_TUNNEL))
		return 0;
	if (x->request_bytes + bytes.len > x->limits->request_body_max &&
	    x->phase != PROXY_PHASE_TUNNEL) {
		exchange_end_later(x, PROXY_CLIENT_BODY_LIMIT);
		return 0;
	}
	size_t n = 0;
	if (x->first && !exchange_first(x, bytes, end, &n))
		return n;
	n = push(x, PROXY_PACE_UP, bytes, end, to_back);
	x->request_bytes += n;
	x->request_held = n < bytes.len;
	if (n)
		x->request_at_hand = false;
	if (end)
		x->request_whole = true;
	if (end && n == bytes.len)
		x->request_ended = true;
	exchange_arm(x);
	return n;
}

void proxy_exchange_request_flush(struct proxy_exchange *x)
{
	if (x->back && x->phase >= PROXY_PHASE_SENT)
		x->back->ops->flush(x->back, x);
}

void proxy_exchange_request_resume(struct proxy_exchange *x)
{
	if (x->request_ended || x->phase < PROXY_PHASE_SENT)
		return;
	exchange_request_push(x);
}

/* ---- the answer's ---- */

size_t exchange_to_front(struct proxy_exchange *x, struct span bytes, bool end)
{
	if (x->response.body == PROXY_BODY_NONE)
		return bytes.len; /* told with the head; a filter's own end is for nobody */
	size_t n = x->front->ops->body(x->front, x, bytes, end);
	x->sent_bytes += n;
	x->response_held = n < bytes.len;
	return n;
}

size_t proxy_filter_next(struct proxy_filter *f, struct proxy_exchange *x, struct span bytes,
			 bool end)
{
	return f->next ? f->next->ops->push(f->next, x, bytes, end)
		       : exchange_to_front(x, bytes, end);
}

void proxy_exchange_filter(struct proxy_exchange *x, struct proxy_filter *f)
{
	struct proxy_filter **at = &x->filters;
	while (*at)
		at = &(*at)->next;
	f->next = NULL;
	*at = f;
}

void exchange_filters_close(struct proxy_exchange *x, bool whole)
{
	while (x->filters) {
		struct proxy_filter *f = x->filters;
		x->filters = f->next;
		f->ops->close(f, x, whole);
	}
}

static size_t to_filters(struct proxy_exchange *x, struct span bytes, bool end)
{
	return x->filters ? x->filters->ops->push(x->filters, x, bytes, end)
			  : exchange_to_front(x, bytes, end);
}

size_t proxy_exchange_response_body(struct proxy_exchange *x, struct span bytes, bool end)
{
	size_t n = push(x, PROXY_PACE_DOWN, bytes, end, to_filters);
	if (n < bytes.len)
		x->response_held = true;
	x->response_bytes += n;
	if (end && n == bytes.len)
		x->response_ended = true;
	exchange_arm(x);
	return n;
}

void proxy_exchange_response_flush(struct proxy_exchange *x)
{
	for (struct proxy_filter *f = x->filters; f; f = f->next)
		if (f->ops->flush)
			f->ops->flush(f, x);
	x->front->ops->flush(x->front, x);
}

/* From the last filter to the first: true when nobody holds anything. */
static bool filters_resume(struct proxy_exchange *x, struct proxy_filter *f)
{
	if (f->next && !filters_resume(x, f->next))
		return false;
	return !f->ops->resume || f->ops->resume(f, x);
}

/* False: a back end was asked, which flushes, and x may be over by now. */
static bool resumed_here(struct proxy_exchange *x)
{
	x->response_held = false;
	exchange_arm(x);
	if (x->filters && !filters_resume(x, x->filters))
		return true;
	if (x->response_ended && x->phase != PROXY_PHASE_TUNNEL)
		return true;
	if (x->back) {
		x->back->ops->resume(x->back, x);
		return false;
	}
	exchange_pump(x);
	return true;
}

void proxy_exchange_response_resume(struct proxy_exchange *x)
{
	(void)resumed_here(x);
}

void proxy_exchange_go(struct proxy_exchange *x)
{
	if (!x->answered)
		return;
	if (resumed_here(x))
		proxy_exchange_response_flush(x);
}

/* ---- a face's own answers ---- */

static void pump_source(struct proxy_exchange *x)
{
	struct proxy_source *s = x->verdict.source;
	bool end = false;
	while (!x->response_ended) {
		struct span bytes = {0};
		if (s->peek(s, &bytes, &end)) {
			exchange_end_later(x, PROXY_INTERNAL);
			return;
		}
		if (!bytes.len && !end)
			return;
		size_t n = proxy_exchange_response_body(x, bytes, end);
		s->taken(s, n);
		if (n < bytes.len)
			return;
	}
}

/* Through a buffer, as far as the front takes it. */
static void pump_file(struct proxy_exchange *x)
{
	struct proxy_worker *w = x->worker;
	struct proxy_buffer *b = proxy_buffer_take(&w->buffers);
	while (b && !x->response_ended) {
		uint64_t left = x->verdict.file.len - x->answer_sent;
		size_t want = left < PROXY_BUFFER_SIZE ? (size_t)left : PROXY_BUFFER_SIZE;
		size_t got = 0;
		if (!w->io->file_read ||
		    w->io->file_read(w, x->verdict.file.fd, x->verdict.file.offset + x->answer_sent,
				     b->data, want, &got) ||
		    got != want)
			break;
		size_t n = proxy_exchange_response_body(x, span_of(b->data, got), got == left);
		x->answer_sent += n;
		if (n < got) {
			proxy_buffer_give(&w->buffers, b);
			return;
		}
	}
	if (!x->response_ended)
		exchange_end_later(x, PROXY_INTERNAL);
	proxy_buffer_give(&w->buffers, b);
}

void exchange_pump(struct proxy_exchange *x)
{
	switch (x->verdict.kind) {
	case PROXY_ANSWER: {
		struct span rest = span_sub(x->verdict.answer, x->answer_sent, SIZE_MAX);
		x->answer_sent += proxy_exchange_response_body(x, rest, true);
		return;
	}
	case PROXY_FILE: pump_file(x); return;
	case PROXY_SOURCE: pump_source(x); return;
	default: return;
	}
}
