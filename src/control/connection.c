#include "control/connection.h"

#include "base/writer.h"
#include "os/fd.h"
#include "os/tcp.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	IN_FIRST = 4096,
	IDLE_MS = 60 * 1000, /* without a request, or with half of one */
};

static void watch_update(struct control_connection *x)
{
	uint32_t events = x->stream ? LOOP_READ_HANGUP : 0;
	if (x->at != CONNECTION_ANSWER && !x->input_ended)
		events |= LOOP_READ;
	if (x->out_len > x->out_pos)
		events |= LOOP_WRITE;
	if (loop_modify(x->loop, &x->watch, events))
		x->ended = true;
}

static void idle_over(void *arg)
{
	connection_free(arg);
}

/* --- buffers: passwords and keys are asked and answered here, so nothing of them is left --- */

static void buffer_free(uint8_t *buffer, size_t size)
{
	if (buffer)
		explicit_bzero(buffer, size);
	free(buffer);
}

/* As realloc, which would leave what it moves. */
static bool buffer_grow(uint8_t **buffer, size_t used, size_t *size, size_t wanted)
{
	uint8_t *grown = malloc(wanted);
	if (!grown)
		return false;
	if (used)
		memcpy(grown, *buffer, used);
	buffer_free(*buffer, *size);
	*buffer = grown;
	*size = wanted;
	return true;
}

/* Takes n bytes at `from` out of those that are used. */
static void buffer_cut(uint8_t *buffer, size_t *used, size_t from, size_t n)
{
	memmove(buffer + from, buffer + from + n, *used - from - n);
	*used -= n;
	explicit_bzero(buffer + *used, n);
}

/* --- out ------------------------------------------------------------------------------------- */

static bool out_reserve(struct control_connection *x, size_t n)
{
	if (x->out_pos) {
		buffer_cut(x->out, &x->out_len, 0, x->out_pos);
		x->out_pos = 0;
	}
	return x->out_len + n <= x->out_size ||
	       buffer_grow(&x->out, x->out_len, &x->out_size, (x->out_len + n) * 2);
}

static bool out_add(struct control_connection *x, const void *data, size_t n)
{
	if (!out_reserve(x, n))
		return false;
	if (n)
		memcpy(x->out + x->out_len, data, n);
	x->out_len += n;
	return true;
}

/* Sends what the socket takes; false when the client has gone. */
static bool out_flush(struct control_connection *x)
{
	while (x->out_pos < x->out_len) {
		size_t n;
		if (tcp_write(x->fd, span_of(x->out + x->out_pos, x->out_len - x->out_pos), &n))
			return false;
		if (n == 0)
			return true;
		x->out_pos += n;
	}
	if (x->out_len)
		explicit_bzero(x->out, x->out_len);
	x->out_pos = x->out_len = 0;
	return true;
}

static void head_write(struct writer *w, int status, const char *type, bool keep_alive)
{
	http_write_status(w, (unsigned)status);
	http_write_header(w, "Content-Type", span_text(type));
	http_write_header(w, "Cache-Control", span_text("no-store"));
	if (!keep_alive)
		http_write_header(w, "Connection", span_text("close"));
}

static void body_drop(struct control_connection *x)
{
	buffer_free(TAKE(x->body), x->body_size);
	x->body_len = x->body_size = 0;
}

/* Ready for the next request, or at the end. Called when the whole answer stands in out; the body
 * has left in. */
static void answer_done(struct control_connection *x)
{
	if (x->request.head.len)
		buffer_cut(x->in, &x->in_len, 0, x->request.head.len);
	body_drop(x);
	x->at = CONNECTION_HEAD;
	x->served = true;
	if (!x->keep_alive)
		x->ended = true;
	loop_timer_set_after(x->loop, &x->idle, IDLE_MS);
}

static void reply_write(struct control_connection *x, int status, const char *type,
			struct span body)
{
	if (x->last)
		x->keep_alive = false;
	char head[512], length[24];
	struct writer w = writer_of(head, sizeof(head));
	head_write(&w, status, type, x->keep_alive);
	(void)snprintf(length, sizeof(length), "%zu", body.len);
	http_write_header(&w, "Content-Length", span_text(length));
	write_text(&w, "\r\n");
	ASSERT(!w.bad);
	if (!out_add(x, head, w.pos) || (!x->head_only && !out_add(x, body.data, body.len)))
		x->ended = true;
	answer_done(x);
}

static void connection_turn(struct control_connection *x);

void control_reply_text(struct control_reply *reply, int status, const char *content_type,
			struct span text)
{
	struct control_connection *x = reply->connection;
	free(reply);
	if (!x)
		return;
	x->reply = NULL;
	reply_write(x, status, content_type, text);
	connection_turn(x);
}

void control_reply_json(struct control_reply *reply, int status, json_t *body)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	if (!text) {
		control_reply_text(reply, 500, "application/json",
				   span_text("{\"error\":\"out of memory\"}\n"));
		return;
	}
	control_reply_text(reply, status, "application/json", span_text(text));
	explicit_bzero(text, strlen(text));
	free(text);
}

void control_reply_error(struct control_reply *reply, int status, const char *text)
{
	control_reply_json(reply, status, json_pack("{s:s}", "error", text));
}

/* --- streams --------------------------------------------------------------------------------- */

struct control_stream *control_reply_stream(struct control_reply *reply, void (*closed)(void *arg),
					    void *arg)
{
	struct control_stream *s = calloc(1, sizeof(*s));
	struct control_connection *x = reply->connection;
	free(reply);
	ASSERT(s); /* a few bytes, once for a stream: without them nothing else works either */
	s->closed = closed;
	s->arg = arg;
	s->connection = x;
	if (!x)
		return s;
	char head[512];
	struct writer w = writer_of(head, sizeof(head));
	x->reply = NULL;
	x->stream = s;
	x->chunks_out = x->request.head.version_minor == 1;
	if (!x->chunks_out)
		x->keep_alive = false;
	head_write(&w, 200, "application/x-ndjson", x->keep_alive);
	if (x->chunks_out)
		http_write_header(&w, "Transfer-Encoding", span_text("chunked"));
	write_text(&w, "\r\n");
	if (!out_add(x, head, w.pos))
		x->ended = true;
	loop_timer_cancel(x->loop, &x->idle);
	return s;
}

bool control_stream_write(struct control_stream *s, json_t *object)
{
	struct control_connection *x = s->connection;
	char *text = x && object && !x->ended ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(object);
	if (!text)
		return false;
	char size[24];
	size_t n = strlen(text);
	int size_len = snprintf(size, sizeof(size), "%zx\r\n", n + 1);
	bool fits = x->out_len - x->out_pos + n < CONTROL_STREAM_BUFFER;
	bool good = fits && (!x->chunks_out || out_add(x, size, (size_t)size_len)) &&
		    out_add(x, text, n) && out_add(x, "\n\r\n", x->chunks_out ? 3 : 1) &&
		    out_flush(x);
	free(text);
	if (!good) { /* freed by the loop: our caller still holds s */
		x->ended = true;
		loop_timer_set_after(x->loop, &x->idle, 0);
	}
	watch_update(x);
	return good;
}

void control_stream_end(struct control_stream *s)
{
	struct control_connection *x = s->connection;
	free(s);
	if (!x)
		return;
	x->stream = NULL;
	if (x->chunks_out && !out_add(x, "0\r\n\r\n", 5))
		x->ended = true;
	answer_done(x);
	connection_turn(x);
}

/* --- in -------------------------------------------------------------------------------------- */

static void refuse(struct control_connection *x, int status, const char *text)
{
	char body[256];
	int n = snprintf(body, sizeof(body), "{\"error\":\"%s\"}\n", text);
	x->keep_alive = false;
	x->head_only = false;
	if (x->in_len)
		explicit_bzero(x->in, x->in_len);
	x->in_len = 0;
	x->request.head = (struct http_head){.len = 0};
	reply_write(x, status, "application/json", span_of(body, (size_t)n));
}

static void head_arrived(struct control_connection *x)
{
	const struct http_head *head = &x->request.head;
	x->keep_alive = head->keep_alive;
	x->head_only = span_is(x->request.method, "HEAD");
	body_drop(x);
	if (head->framing == HTTP_BODY_LENGTH && head->content_length > CONTROL_BODY_MAX) {
		refuse(x, 413, "the body is too large");
		return;
	}
	if (x->request.expect_continue && head->framing != HTTP_BODY_NONE &&
	    !out_add(x, "HTTP/1.1 100 Continue\r\n\r\n", 25))
		x->ended = true;
	x->chunked = (struct http_chunked){0};
	x->at = CONNECTION_BODY;
}

/* Takes chunks out of in as they come, their data to the end of body. */
static enum parse chunks_arrived(struct control_connection *x)
{
	for (;;) {
		size_t used, head = x->request.head.len;
		struct span data;
		struct span in = span_of(x->in + head, x->in_len - head);
		enum parse p = http_chunked_read(&x->chunked, in, &used, &data);
		size_t whole = x->body_len + data.len;
		if (data.len) {
			if (whole > CONTROL_BODY_MAX ||
			    (whole > x->body_size &&
			     !buffer_grow(&x->body, x->body_len, &x->body_size, whole * 2)))
				return PARSE_BAD;
			memcpy(x->body + x->body_len, data.data, data.len);
			x->body_len = whole;
		}
		buffer_cut(x->in, &x->in_len, head, used);
		if (p != PARSE_MORE || used == 0)
			return p;
	}
}

/* Takes a body of known length out of in; false while it is not all there. */
static bool length_arrived(struct control_connection *x)
{
	size_t head = x->request.head.len, n = (size_t)x->request.head.content_length;
	if (x->in_len - head < n)
		return false;
	if (!buffer_grow(&x->body, 0, &x->body_size, n + 1)) {
		refuse(x, 500, "out of memory");
		return false;
	}
	x->body_len = n;
	memcpy(x->body, x->in + head, n); /* its length checked above */
	buffer_cut(x->in, &x->in_len, head, n);
	return true;
}

static bool body_arrived(struct control_connection *x)
{
	switch (x->request.head.framing) {
	case HTTP_BODY_LENGTH: return length_arrived(x);
	case HTTP_BODY_CHUNKED: {
		enum parse p = chunks_arrived(x);
		if (p == PARSE_BAD)
			refuse(x, 400, "the chunked body is wrong or too large");
		return p == PARSE_DONE;
	}
	default: return true;
	}
}

static void request_arrived(struct control_connection *x)
{
	struct control_reply *reply = calloc(1, sizeof(*reply));
	if (!reply) {
		refuse(x, 500, "out of memory");
		return;
	}
	reply->connection = x;
	x->reply = reply;
	x->at = CONNECTION_ANSWER;
	loop_timer_cancel(x->loop, &x->idle);
	control_dispatch(x->control, x, reply);
}

static bool head_step(struct control_connection *x)
{
	if (x->in_len == 0)
		return false;
	enum parse p = http_request_read(span_of(x->in, x->in_len), &x->request);
	if (p == PARSE_MORE)
		return false;
	if (p == PARSE_BAD)
		refuse(x, x->request.head.fault == HTTP_FAULT_TOO_LARGE ? 431 : 400,
		       http_fault_text(x->request.head.fault));
	else
		head_arrived(x);
	return true;
}

/* One step on what has come in; false when nothing more can be done now. */
static bool step(struct control_connection *x)
{
	if (x->ended || x->at == CONNECTION_ANSWER)
		return false;
	if (x->at == CONNECTION_HEAD)
		return head_step(x);
	/* in may lie elsewhere since the head was read; it was good then and is the same now */
	if (http_request_read(span_of(x->in, x->in_len), &x->request) != PARSE_DONE)
		return false;
	if (!body_arrived(x))
		return false;
	request_arrived(x);
	return true;
}

/* Does all that can be done now, and frees x when it has ended. Verbs that answer at once come back
 * here through their reply: the turn that is under way goes on then. */
static void connection_turn(struct control_connection *x)
{
	if (x->turning)
		return;
	x->turning = true;
	while (step(x))
		;
	x->turning = false;
	if (x->input_ended && x->at != CONNECTION_ANSWER)
		x->ended = true;
	if (!out_flush(x) || (x->ended && x->out_len == x->out_pos)) {
		connection_free(x);
		return;
	}
	watch_update(x);
}

static bool in_read(struct control_connection *x)
{
	for (;;) {
		if (x->in_len == x->in_size) {
			size_t size = x->in_size ? x->in_size * 2 : IN_FIRST;
			if (size > CONTROL_BODY_MAX * 2 + HTTP_HEAD_MAX ||
			    !buffer_grow(&x->in, x->in_len, &x->in_size, size))
				return false;
		}
		size_t n;
		enum err e = tcp_read(x->fd, x->in + x->in_len, x->in_size - x->in_len, &n);
		if (e == ERR_CLOSED)
			x->input_ended = true; /* what came before still gets its answer */
		if (e && e != ERR_CLOSED)
			return false;
		if (e || n == 0)
			return true;
		x->in_len += n;
	}
}

static void ready(void *arg, uint32_t events)
{
	struct control_connection *x = arg;
	if (events & (LOOP_ERROR | LOOP_HANGUP)) {
		connection_free(x);
		return;
	}
	bool reads = (events & LOOP_READ) && x->at != CONNECTION_ANSWER && !x->input_ended;
	/* A stream's reader that will write no more has gone. */
	if ((reads && !in_read(x)) || ((events & LOOP_READ_HANGUP) && x->stream)) {
		connection_free(x);
		return;
	}
	connection_turn(x);
}

void connection_finish(struct control_connection *x)
{
	if (x->stream || x->last)
		return;
	x->last = true;
	if (x->at == CONNECTION_ANSWER)
		return;
	if (!x->input_ended && !in_read(x)) {
		connection_free(x);
		return;
	}
	if (x->served && x->in_len == 0) /* between two requests */
		x->ended = true;
	connection_turn(x);
}

enum err connection_new(struct control *c, struct loop *loop, int fd, unsigned uid,
			struct control_connection **ret)
{
	struct control_connection *x = calloc(1, sizeof(*x));
	if (!x) {
		fd_done(&fd);
		return (enum err)ENOMEM;
	}
	x->control = c;
	x->loop = loop;
	x->fd = fd;
	x->uid = uid;
	loop_timer_init(&x->idle, idle_over, x);
	enum err e = loop_add(loop, &x->watch, fd, LOOP_READ, ready, x);
	if (e) {
		fd_done(&x->fd);
		free(x);
		return e;
	}
	loop_timer_set_after(loop, &x->idle, IDLE_MS);
	*ret = x;
	return OK;
}

void connection_free(struct control_connection *x)
{
	if (!x)
		return;
	control_forget(x->control, x);
	loop_remove(x->loop, &x->watch);
	loop_timer_cancel(x->loop, &x->idle);
	fd_done(&x->fd);
	if (x->reply)
		x->reply->connection = NULL;
	struct control_stream *s = x->stream;
	buffer_free(x->in, x->in_size);
	buffer_free(x->out, x->out_size);
	body_drop(x);
	free(x);
	if (s) {
		s->connection = NULL;
		if (s->closed)
			s->closed(s->arg);
	}
}
