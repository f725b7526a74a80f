/* One connection: a request whole and in time, then its answer, then the next. */
#include "crypto/secret.h"
#include "crypto/tls.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/tcp.h"
#include "service/vpn/io_portal_inner.h"

#include <stdlib.h>

enum {
	LINGER_MS = 2000, /* for the other side to close when we have said all */
	STEPS_MAX = 64,	  /* of one turn; others wait as well */
};

static void deadline_set(struct portal_connection *x, uint64_t ms)
{
	loop_timer_set_after(x->io->options.loop, &x->deadline, ms);
}

static void watch_update(struct portal_connection *x)
{
	uint32_t events = x->wire_len > x->wire_pos ? LOOP_WRITE : 0;
	if ((x->at == PORTAL_READING || x->at == PORTAL_CLOSING) && !x->input_ended)
		events |= LOOP_READ;
	if (loop_modify(x->io->options.loop, &x->watch, events) != OK)
		x->ended = true;
}

/* --- out ---------------------------------------------------------------------------------------
 */

/* Fills wire with what comes next; false: there is nothing. */
static bool wire_fill(struct portal_connection *x)
{
	x->wire_pos = x->wire_len = 0;
	if (x->tls) {
		x->wire_len = tls_output(x->tls, x->wire, sizeof(x->wire));
	} else if (x->answer && x->at == PORTAL_WRITING) {
		struct span rest = span_sub(writer_span(&x->out), x->answer_pos, sizeof(x->wire));
		if (rest.len)
			memcpy(x->wire, rest.data, rest.len);
		x->wire_len = rest.len;
		x->answer_pos += rest.len;
	}
	return x->wire_len > 0;
}

/* True: all has left. */
static bool flush(struct portal_connection *x)
{
	while (x->wire_pos < x->wire_len || wire_fill(x)) {
		size_t n = 0;
		struct span rest = span_of(x->wire + x->wire_pos, x->wire_len - x->wire_pos);
		if (tcp_write(x->fd, rest, &n) != OK) {
			x->ended = true;
			return false;
		}
		if (n == 0)
			return false;
		x->wire_pos += n;
	}
	return true;
}

static void answer_drop(struct portal_connection *x)
{
	if (x->answer)
		crypto_wipe(x->answer, PORTAL_ANSWER_MAX); /* secrets of an enrolment */
	free(TAKE(x->answer));
	x->out = (struct writer){0};
}

static bool answer_room(struct portal_connection *x)
{
	x->answer = malloc(PORTAL_ANSWER_MAX);
	x->out = writer_of(x->answer, x->answer ? PORTAL_ANSWER_MAX : 0);
	x->answer_pos = 0;
	if (!x->answer)
		x->ended = true;
	return x->answer != NULL;
}

/* The answer stands in out. */
static void answer_begin_writing(struct portal_connection *x)
{
	x->at = PORTAL_WRITING;
	deadline_set(x, x->io->options.times.write_ms);
	if (!x->tls)
		return;
	if (tls_write(x->tls, writer_span(&x->out)) != OK)
		x->ended = true;
	answer_drop(x);
	if (!x->keep_alive)
		tls_finish(x->tls);
}

static void turn_later(struct portal_connection *x)
{
	loop_timer_set_after(x->io->options.loop, &x->again, 0);
}

/* The page has answered, perhaps in the middle of the decisions' own work: not here. */
static void answered(void *arg)
{
	struct portal_connection *x = arg;
	x->keep_alive = x->visit.keep_alive;
	answer_begin_writing(x);
	if (!x->turning)
		turn_later(x);
}

static void fault(struct portal_connection *x, unsigned status)
{
	x->io->counts.faults++;
	x->keep_alive = false;
	x->in_len = 0;
	if (!answer_room(x))
		return;
	portal_fault(status, &x->out);
	answer_begin_writing(x);
}

/* --- in ----------------------------------------------------------------------------------------
 */

/* Takes a request of that many bytes out of in. It may have held a password. */
static void in_drop(struct portal_connection *x, size_t n)
{
	memmove(x->in, x->in + n, x->in_len - n);
	x->in_len -= n;
	crypto_wipe(x->in + x->in_len, n);
}

static void serve(struct portal_connection *x, const struct http_request *request, size_t body_len)
{
	struct portal_io *io = x->io;
	struct span body = span_of(x->in + request->head.len, body_len);
	size_t whole = request->head.len + body_len;
	if (!answer_room(x))
		return;
	x->at = PORTAL_WAITING;
	loop_timer_cancel(io->options.loop, &x->deadline);
	if (!x->tls) {
		io->counts.redirects++;
		x->keep_alive = false;
		portal_redirect(io->options.portal, request, &x->out);
		answer_begin_writing(x);
	} else {
		io->counts.requests++;
		x->visit = (struct portal_visit){
			.now_ms = clock_wall_ms(), .out = &x->out, .answered = answered, .arg = x};
		io->options.visitor(io->options.arg, &x->peer, &x->visit.visitor);
		portal_serve(io->options.portal, &x->visit, request, body);
	}
	in_drop(x, whole);
}

static void say_continue(struct portal_connection *x)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	if (x->told_continue || !x->tls)
		return;
	x->told_continue = true;
	if (tls_write(x->tls, span_text(text)) != OK)
		x->ended = true;
}

/* One request, when it is there; false: more of it must come. */
static bool request_step(struct portal_connection *x)
{
	struct http_request request;
	if (x->in_len == 0)
		return false;
	if (!x->begun)
		deadline_set(x, x->io->options.times.request_ms);
	x->begun = true;
	enum parse p = http_request_read(span_of(x->in, x->in_len), &request);
	bool too_large = p == PARSE_DONE ? request.head.len > PORTAL_HEAD_MAX
					 : x->in_len > PORTAL_HEAD_MAX ||
						   request.head.fault == HTTP_FAULT_TOO_LARGE;
	if (p == PARSE_MORE && !too_large)
		return false;
	size_t body = request.head.framing == HTTP_BODY_LENGTH && p == PARSE_DONE
			      ? (size_t)request.head.content_length
			      : 0;
	if (too_large)
		fault(x, 431);
	else if (p == PARSE_BAD)
		fault(x, 400);
	else if (request.head.framing == HTTP_BODY_CHUNKED)
		fault(x, 411); /* no browser sends forms so */
	else if (body > PORTAL_BODY_MAX)
		fault(x, 413);
	else if (x->in_len - request.head.len >= body)
		serve(x, &request, body);
	else if (request.expect_continue)
		say_continue(x);
	return x->at != PORTAL_READING;
}

/* Decrypts what has come. */
static void in_decrypt(struct portal_connection *x)
{
	size_t n = 0;
	if (x->in_len == sizeof(x->in))
		return;
	do {
		enum err e = tls_read(x->tls, x->in + x->in_len, sizeof(x->in) - x->in_len, &n);
		if (e == ERR_CLOSED) {
			x->input_ended = true;
			return;
		}
		if (e) {
			x->io->counts.tls_failed++;
			(void)flush(x); /* the alert, if the socket takes it */
			x->ended = true;
			return;
		}
		x->in_len += n;
	} while (n && x->in_len < sizeof(x->in));
}

static void in_receive(struct portal_connection *x)
{
	uint8_t wire[4096];
	size_t room = x->tls ? tls_room(x->tls) : sizeof(x->in) - x->in_len, n = 0;
	if (x->at == PORTAL_CLOSING)
		room = sizeof(wire);
	if (room == 0)
		return;
	enum err e = tcp_read(x->fd, wire, room < sizeof(wire) ? room : sizeof(wire), &n);
	if (e == ERR_CLOSED)
		x->input_ended = true;
	else if (e)
		x->ended = true;
	if (e || n == 0 || x->at == PORTAL_CLOSING)
		return;
	if (x->tls) {
		if (tls_receive(x->tls, span_of(wire, n)) != OK)
			x->ended = true;
	} else {
		memcpy(x->in + x->in_len, wire, n); /* at most the room that is left */
		x->in_len += n;
	}
	crypto_wipe(wire, n);
}

/* --- turns -------------------------------------------------------------------------------------
 */

/* The answer has left. */
static void answer_over(struct portal_connection *x)
{
	answer_drop(x);
	x->told_continue = x->begun = false;
	if (x->keep_alive) {
		x->at = PORTAL_READING;
		deadline_set(x, x->io->options.times.idle_ms);
		return;
	}
	x->at = PORTAL_CLOSING;
	deadline_set(x, LINGER_MS);
	if (tcp_finish(x->fd) != OK)
		x->ended = true;
}

/* One step; false: nothing more can be done now. */
static bool step(struct portal_connection *x)
{
	bool sent = flush(x);
	if (x->ended)
		return false;
	switch (x->at) {
	case PORTAL_READING:
		if (x->tls)
			in_decrypt(x);
		if (!x->ended && request_step(x))
			return true;
		if (x->input_ended)
			x->ended = true;
		(void)flush(x);
		return false;
	case PORTAL_WRITING:
		if (sent)
			answer_over(x);
		return sent;
	case PORTAL_CLOSING: x->ended |= x->input_ended; return false;
	default: return false;
	}
}

static void turn(void *arg)
{
	struct portal_connection *x = arg;
	unsigned steps = 0;
	x->turning = true;
	while (!x->ended && steps < STEPS_MAX && step(x))
		steps++;
	x->turning = false;
	if (x->ended) {
		portal_connection_free(x);
		return;
	}
	if (steps == STEPS_MAX)
		turn_later(x);
	watch_update(x);
}

static void ready(void *arg, uint32_t events)
{
	struct portal_connection *x = arg;
	if (events & LOOP_ERROR || (events & LOOP_HANGUP && x->at == PORTAL_WAITING))
		x->ended = true;
	else if (events & (LOOP_READ | LOOP_HANGUP))
		in_receive(x);
	turn(x);
}

static void overdue(void *arg)
{
	struct portal_connection *x = arg;
	if (x->at != PORTAL_CLOSING)
		x->io->counts.timed_out++;
	portal_connection_free(x);
}

enum err portal_connection_new(struct portal_io *io, int fd, const struct ip_address *peer,
			       bool https)
{
	struct portal_connection *x = calloc(1, sizeof(*x));
	if (!x) {
		fd_done(&fd);
		return ENOMEM;
	}
	x->io = io;
	x->fd = fd;
	x->peer = *peer;
	loop_timer_init(&x->deadline, overdue, x);
	loop_timer_init(&x->again, turn, x);
	x->next = io->connections;
	x->link = &io->connections;
	if (x->next)
		x->next->link = &x->next;
	io->connections = x;
	io->counts.open++;
	enum err e = https ? tls_stream_new(io->shown->tls, &x->tls) : OK;
	if (!e && https) {
		x->shown = io->shown;
		x->shown->users++;
	}
	if (!e)
		e = loop_add(io->options.loop, &x->watch, fd, LOOP_READ, ready, x);
	if (e)
		portal_connection_free(x);
	else
		deadline_set(x, x->io->options.times.request_ms);
	return e;
}

void portal_connection_free(struct portal_connection *x)
{
	struct portal_io *io = x->io;
	portal_forget(&x->visit);
	*x->link = x->next;
	if (x->next)
		x->next->link = x->link;
	io->counts.open--;
	loop_remove(io->options.loop, &x->watch);
	loop_timer_cancel(io->options.loop, &x->deadline);
	loop_timer_cancel(io->options.loop, &x->again);
	fd_done(&x->fd);
	tls_stream_free(x->tls);
	portal_shown_unref(x->shown);
	answer_drop(x);
	crypto_wipe(x->in, sizeof(x->in));
	free(x);
}
