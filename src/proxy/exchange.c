/* Where an exchange stands: verdict, choice of a back end, tries, time limits, its end. Bodies are
 * in exchange_body.c, where it lies in memory in exchange_memory.c. */
#include "proxy/exchange.h"

#include "base/writer.h"
#include "proto/http/date.h"
#include "proxy/body_filter.h"
#include "proxy/exchange_inner.h"
#include "proxy/face.h"
#include "proxy/hop.h"
#include "proxy/hop_inner.h"
#include "proxy/pace.h"

/* ---- time ---- */

static uint32_t phase_ms(const struct proxy_exchange *x)
{
	const struct proxy_limits *l = x->limits;
	/* Nobody is late for whom we make wait. */
	if (x->pace && proxy_pace_waits(x->pace))
		return 0;
	switch ((enum proxy_phase)x->phase) {
	case PROXY_PHASE_VERDICT:
	case PROXY_PHASE_PICK: return l->wait_ms;
	case PROXY_PHASE_CONNECT:
		if (!x->hop)
			return 0;
		return x->asked && x->hop->limits.lead_ms ? x->hop->limits.lead_ms
							  : x->hop->limits.connect_ms;
	case PROXY_PHASE_SENT: return x->request_ended ? l->first_byte_ms : l->client_body_ms;
	case PROXY_PHASE_ANSWER:
		return x->response_held || x->response_ended || !x->back ? l->client_read_ms
									 : l->back_body_ms;
	case PROXY_PHASE_TUNNEL: return l->tunnel_ms;
	default: return 0;
	}
}

/* A slow client earns its time by bytes: client_body_ms and a second for each rate_min of them. */
static uint64_t body_by_ms(const struct proxy_exchange *x)
{
	const struct proxy_limits *l = x->limits;
	if (x->phase != PROXY_PHASE_SENT || x->request_ended || x->pace || !l->client_rate_min ||
	    !l->client_body_ms)
		return UINT64_MAX;
	return x->times.head_us / 1000 + l->client_body_ms +
	       x->request_bytes * 1000 / l->client_rate_min;
}

void exchange_arm(struct proxy_exchange *x)
{
	struct proxy_worker *w = x->worker;
	uint32_t ms = phase_ms(x);
	uint64_t at = ms ? w->now_ms + ms : UINT64_MAX;
	uint64_t by = body_by_ms(x);
	by = x->first_by_ms && x->first_by_ms < by ? x->first_by_ms : by;
	if (x->limits->whole_ms && x->phase != PROXY_PHASE_TUNNEL) {
		uint64_t whole = x->times.begin_us / 1000 + x->limits->whole_ms;
		by = whole < by ? whole : by;
	}
	at = by < at ? by : at;
	if (at == UINT64_MAX)
		proxy_deadline_clear(&x->deadline);
	else
		proxy_deadline_set(&w->wheel, &x->deadline, w->now_ms,
				   at > w->now_ms ? (uint32_t)(at - w->now_ms) : 1);
}

static enum proxy_cause late_cause(const struct proxy_exchange *x)
{
	const struct proxy_limits *l = x->limits;
	if (l->whole_ms && x->phase != PROXY_PHASE_TUNNEL &&
	    x->worker->now_us / 1000 >= x->times.begin_us / 1000 + l->whole_ms)
		return PROXY_WHOLE_TIME;
	switch ((enum proxy_phase)x->phase) {
	case PROXY_PHASE_CONNECT: return x->asked ? PROXY_UPSTREAM_TIME : PROXY_CONNECT_TIME;
	case PROXY_PHASE_SENT:
		return x->request_ended || x->request_whole || x->request_held
			       ? PROXY_BACK_TIME
			       : PROXY_CLIENT_BODY_TIME;
	case PROXY_PHASE_ANSWER:
		return phase_ms(x) == l->back_body_ms && x->back && !x->response_held
			       ? PROXY_BACK_BODY_TIME
			       : PROXY_CLIENT_READ_TIME;
	case PROXY_PHASE_TUNNEL: return PROXY_FINE;
	default: return PROXY_NO_BACK;
	}
}

void exchange_late(struct proxy_deadline *d)
{
	struct proxy_exchange *x =
		(struct proxy_exchange *)((char *)d - offsetof(struct proxy_exchange, deadline));
	enum proxy_cause cause = late_cause(x);
	if (x->back && exchange_first_is_late(x)) {
		exchange_first_late(x);
		return;
	}
	if (cause == PROXY_CONNECT_TIME && x->back) {
		exchange_drop_back(x, cause);
		proxy_exchange_failed(x, cause, true);
		return;
	}
	proxy_exchange_end(x, cause);
}

/* ---- the end ---- */

void exchange_left(struct proxy_exchange *x, enum proxy_cause cause)
{
	struct proxy_hop *hop = TAKE(x->hop);
	if (hop && x->connection)
		x->worker->face->left(x->worker->face_arg, x, hop, cause);
}

void exchange_drop_back(struct proxy_exchange *x, enum proxy_cause cause)
{
	exchange_relay_stop(x);
	struct proxy_back *b = TAKE(x->back);
	if (b)
		b->ops->cancel(b, x);
	exchange_left(x, cause);
}

static void source_close(struct proxy_exchange *x)
{
	struct proxy_source *s = TAKE(x->verdict.source);
	if (s)
		s->close(s);
}

void exchange_end(struct proxy_exchange *x, enum proxy_cause cause)
{
	struct proxy_worker *w = x->worker;
	exchange_drop_back(x, cause);
	x->phase = PROXY_PHASE_OVER;
	x->cause = (uint8_t)cause;
	x->times.end_us = w->now_us;
	exchange_filters_close(x, x->response_ended && cause == PROXY_FINE);
	source_close(x);
	proxy_pace_stop(x->pace);
	proxy_count_add(&w->counts, PROXY_COUNT_CAUSE + cause, 1);
	proxy_count_add(&w->counts, PROXY_COUNT_REQUEST_BYTES, x->request_bytes);
	proxy_count_add(&w->counts, PROXY_COUNT_RESPONSE_BYTES, x->sent_bytes);
	if (x->connection)
		w->face->done(w->face_arg, x);
	exchange_give(x);
}

void proxy_exchange_finish(struct proxy_exchange *x)
{
	exchange_end(x, x->cause);
}

void proxy_exchange_abort(struct proxy_exchange *x, enum proxy_cause cause)
{
	exchange_end(x, cause);
}

void exchange_error(struct proxy_exchange *x, enum proxy_cause cause)
{
	unsigned status = proxy_cause_status(cause);
	x->cause = (uint8_t)cause;
	if (x->answered || !status) {
		struct proxy_front *f = x->front;
		f->ops->reset(f, x, cause);
		exchange_end(x, cause);
		return;
	}
	exchange_filters_close(x, false);
	source_close(x);
	proxy_head_reset(&x->response);
	x->response.status = (uint16_t)status;
	x->verdict = (struct proxy_verdict){.kind = PROXY_ANSWER};
	if (x->connection && x->worker->face->error)
		x->worker->face->error(x->worker->face_arg, x, &x->verdict);
	exchange_answer(x);
}

void proxy_exchange_end(struct proxy_exchange *x, enum proxy_cause cause)
{
	exchange_drop_back(x, cause);
	exchange_error(x, cause);
}

static void end_now(struct proxy_later *l)
{
	struct proxy_exchange *x =
		(struct proxy_exchange *)((char *)l - offsetof(struct proxy_exchange, later));
	proxy_exchange_end(x, x->late_cause);
}

void exchange_end_later(struct proxy_exchange *x, enum proxy_cause cause)
{
	x->late_cause = (uint8_t)cause;
	proxy_later_cancel(&x->later); /* exchange_relay's */
	proxy_later_add(&x->worker->later, &x->later, end_now);
}

void proxy_exchange_end_later(struct proxy_exchange *x, enum proxy_cause cause)
{
	exchange_end_later(x, cause);
}

/* ---- the way of a request ---- */

static void ask(struct proxy_exchange *x)
{
	x->phase = PROXY_PHASE_VERDICT;
	x->verdict = (struct proxy_verdict){.kind = PROXY_FORWARD};
	x->worker->face->request(x->worker->face_arg, x, &x->verdict);
	exchange_act(x);
}

void proxy_exchange_begin(struct proxy_exchange *x, bool end)
{
	proxy_count_add(&x->worker->counts, PROXY_COUNT_EXCHANGES, 1);
	x->times.head_us = x->worker->now_us;
	x->request_empty = end && !x->at_hand.len;
	x->request_whole = end || x->at_hand.len;
	x->received_authority = x->request.authority;
	x->received_path = x->request.path;
	ask(x);
}

void exchange_act(struct proxy_exchange *x)
{
	if (x->verdict.limits)
		x->limits = x->verdict.limits;
	switch (x->verdict.kind) {
	case PROXY_FORWARD:
	case PROXY_TUNNEL:
		if (x->request.has_length && x->request.length > x->limits->request_body_max)
			exchange_error(x, PROXY_CLIENT_BODY_LIMIT);
		else
			exchange_pick(x);
		return;
	case PROXY_ANSWER:
	case PROXY_FILE:
	case PROXY_SOURCE: exchange_answer(x); return;
	case PROXY_WAIT: exchange_arm(x); return;
	case PROXY_DROP:
		x->front->ops->reset(x->front, x, PROXY_REFUSED);
		exchange_end(x, PROXY_REFUSED);
		return;
	}
}

void exchange_pick(struct proxy_exchange *x)
{
	struct proxy_worker *w = x->worker;
	struct proxy_hop *hop = NULL;
	struct proxy_verdict verdict = {.kind = PROXY_ANSWER};
	x->phase = PROXY_PHASE_PICK;
	switch (w->face->pick(w->face_arg, x, &hop, &verdict)) {
	case PROXY_PICK_HOP:
		x->hop = hop;
		x->tries++;
		x->asked = false;
		x->lead_status = 0;
		x->times.picked_us = w->now_us;
		x->phase = PROXY_PHASE_CONNECT;
		exchange_arm(x);
		hop_open(x);
		return;
	case PROXY_PICK_WAIT: exchange_arm(x); return;
	case PROXY_PICK_NONE: exchange_error(x, x->cause ? x->cause : PROXY_NO_BACK); return;
	case PROXY_PICK_ANSWER:
		x->verdict = verdict;
		exchange_act(x);
		return;
	}
}

void proxy_exchange_resume(struct proxy_exchange *x)
{
	if (x->phase == PROXY_PHASE_VERDICT)
		ask(x);
	else if (x->phase == PROXY_PHASE_PICK)
		exchange_pick(x);
}

void proxy_exchange_asking(struct proxy_exchange *x)
{
	x->asked = true;
	if (x->hop && x->hop->limits.lead_ms)
		exchange_arm(x);
}

void proxy_exchange_opened(struct proxy_exchange *x, bool kept)
{
	struct proxy_worker *w = x->worker;
	bool end = x->request_empty; /* a body may be whole, and nobody have taken it yet */
	x->kept = kept;
	x->times.open_us = w->now_us;
	if (x->answered) { /* a tunnel by its second connection: exchange_inspect.c */
		x->phase = PROXY_PHASE_TUNNEL;
		exchange_arm(x);
		exchange_request_push(x);
		return;
	}
	if (kept)
		proxy_count_add(&w->counts, PROXY_COUNT_BACK_REUSED, 1);
	if (w->face->opened && x->connection)
		w->face->opened(w->face_arg, x);
	x->phase = PROXY_PHASE_SENT;
	x->request_ended = end;
	x->at_hand_sent = 0;
	exchange_arm(x);
	if (x->verdict.kind == PROXY_TUNNEL) {
		proxy_head_reset(&x->response);
		x->response.status = 200;
		x->response.body = PROXY_BODY_TUNNEL;
		if (proxy_exchange_response(x, false))
			proxy_exchange_response_flush(x);
		return;
	}
	x->back->ops->head(x->back, x, end);
	if (!end)
		exchange_request_push(x);
	x->back->ops->flush(x->back, x);
}

/* May the request go to a back end once more? */
static bool may_go_again(const struct proxy_exchange *x, enum proxy_cause cause, bool unsent)
{
	unsigned most = x->limits->tries_max ? x->limits->tries_max : 1;
	if (x->answered || !x->request_at_hand || !x->connection)
		return false;
	if (!unsent && !x->limits->retry_any_method &&
	    !proxy_method_is_idempotent(x->request.method_id))
		return false;
	switch (cause) {
	case PROXY_BACK_STALE: return true; /* says nothing of the back end: not a try */
	case PROXY_CONNECT_FAILED:
	case PROXY_CONNECT_TIME:
	case PROXY_BACK_TLS:
	case PROXY_BACK_CERTIFICATE:
	case PROXY_BACK_CLOSED:
	case PROXY_UPSTREAM_SIGN_IN:
	case PROXY_UPSTREAM_FAILED:
	case PROXY_UPSTREAM_FORMAT:
	case PROXY_TRY_ANOTHER: return x->tries < most;
	default: return false;
	}
}

static void again(struct proxy_exchange *x)
{
	proxy_count_add(&x->worker->counts, PROXY_COUNT_RETRIES, 1);
	proxy_buffer_give(&x->worker->buffers, TAKE(x->response_buffer));
	x->request_ended = x->request_held = false;
	exchange_pick(x);
}

void proxy_exchange_failed(struct proxy_exchange *x, enum proxy_cause cause, bool unsent)
{
	x->back = NULL;
	x->cause = (uint8_t)cause;
	exchange_left(x, cause);
	if (!may_go_again(x, cause, unsent)) {
		exchange_error(x, cause);
		return;
	}
	if (cause == PROXY_BACK_STALE)
		x->tries--;
	again(x);
}

/* ---- the way of an answer ---- */

void proxy_exchange_interim(struct proxy_exchange *x)
{
	x->front->ops->interim(x->front, x);
	exchange_arm(x);
}

/* RFC 9110 6.6.1: an answer without Date gets one from who has a clock, one of others' too. To a
 * request of our own nobody is answered. */
static void date_add(struct proxy_exchange *x)
{
	struct proxy_worker *w = x->worker;
	struct proxy_head *r = &x->response;
	if (!x->connection || !w->io->wall_ms || r->status < 200 || r->body == PROXY_BODY_TUNNEL ||
	    r->fields_n == PROXY_FIELDS_MAX || proxy_head_find(r, HTTP_FIELD_DATE))
		return;
	if (w->now_ms >= w->date_until_ms) {
		uint64_t wall = w->io->wall_ms();
		struct writer text = writer_of(w->date, sizeof(w->date));
		http_date_write(&text, wall / 1000);
		w->date_until_ms = w->now_ms + 1000 - wall % 1000;
	}
	r->fields[r->fields_n++] = (struct http_field){.name = span_text("Date"),
						       .value = span_of(w->date, sizeof(w->date)),
						       .id = HTTP_FIELD_DATE};
}

static void head_to_front(struct proxy_exchange *x, bool end)
{
	date_add(x);
	x->answered = true;
	x->phase = x->response.body == PROXY_BODY_TUNNEL ? PROXY_PHASE_TUNNEL : PROXY_PHASE_ANSWER;
	x->response_ended = end;
	exchange_arm(x);
	/* Where no body may be, filters hear of the end, and the front of nothing more. */
	bool bare = x->response.body == PROXY_BODY_NONE;
	x->front->ops->head(x->front, x, end && (bare || !x->filters));
	if (end && x->filters)
		x->response_held = proxy_exchange_response_body(x, (struct span){0}, true) != 0;
}

bool proxy_exchange_response(struct proxy_exchange *x, bool end)
{
	struct proxy_worker *w = x->worker;
	x->times.first_us = w->now_us;
	x->cause = PROXY_FINE;
	struct proxy_verdict verdict = {.kind = PROXY_ANSWER};
	enum proxy_judgement judged = PROXY_PASS;
	if (w->face->response && x->connection && x->response.body != PROXY_BODY_TUNNEL)
		judged = w->face->response(w->face_arg, x, &verdict);
	if (judged == PROXY_AGAIN && may_go_again(x, PROXY_TRY_ANOTHER, false)) {
		exchange_filters_close(x, false);
		return false;
	}
	if (judged == PROXY_REPLACE) {
		x->verdict = verdict;
		x->replace = true;
		return false;
	}
	if (x->response.body == PROXY_BODY_TUNNEL) {
		/* What the client sends from now on is another message. */
		x->request_ended = x->request_whole = false;
		x->at_hand = (struct span){0};
		proxy_count_add(&w->counts, PROXY_COUNT_TUNNELS, 1);
	}
	head_to_front(x, end);
	if (x->phase == PROXY_PHASE_TUNNEL) {
		exchange_first_begin(x);
		exchange_request_push(x);
		if (!x->first)
			exchange_relay(x);
	}
	return true;
}

void proxy_exchange_refused(struct proxy_exchange *x)
{
	x->back = NULL;
	if (x->replace) {
		exchange_left(x, PROXY_FINE);
		exchange_act(x);
		return;
	}
	x->cause = PROXY_TRY_ANOTHER;
	exchange_left(x, PROXY_TRY_ANOTHER);
	again(x);
}

void exchange_answer(struct proxy_exchange *x)
{
	struct proxy_head *r = &x->response;
	const struct proxy_verdict *v = &x->verdict;
	r->version = 11;
	if (v->kind != PROXY_SOURCE) {
		r->has_length = true;
		r->length = v->kind == PROXY_FILE ? v->file.len : v->answer.len;
	}
	r->body = r->has_length ? PROXY_BODY_LENGTH : PROXY_BODY_STREAM;
	proxy_head_settle_response(r, x->request.method_id);
	bool end = r->body == PROXY_BODY_NONE || (r->has_length && r->length == 0);
	if (!x->times.first_us)
		x->times.first_us = x->worker->now_us;
	head_to_front(x, end);
	if (!x->response_ended)
		exchange_pump(x);
	proxy_exchange_response_flush(x);
}

void proxy_exchange_back_done(struct proxy_exchange *x)
{
	x->back = NULL;
	exchange_left(x, PROXY_FINE);
	exchange_arm(x);
	proxy_exchange_response_flush(x);
}
