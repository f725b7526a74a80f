/* A client's and a server's session joined by memory, each with an owner that writes down what it
 * was told and sends a body from a text. For tests only; knows no proxy. */
#ifndef PROTO_HTTP2_PAIR_TEST_H
#define PROTO_HTTP2_PAIR_TEST_H

#include "base/writer.h"
#include "proto/http2/heap.h"
#include "proto/http2/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { STREAMS = 128, TEXT_MAX = 4096 };

struct stream {
	uint32_t id;
	char said[TEXT_MAX]; /* "GET /path", "200", "data N", "end", "closed N"… */
	size_t said_len;
	size_t received, consumed;
	/* What it sends. */
	size_t to_send, sent;
	bool held; /* nothing now, whatever there is */
	bool with_trailers;
	bool ended;    /* the other side's body has */
	bool answered; /* for tests that answer by themselves */
};

struct side {
	struct http2_session *s;
	struct http2_counts counts;
	struct stream streams[STREAMS];
	size_t streams_n;
	bool refuse_all;
	char said[TEXT_MAX];
	size_t said_len;
};

struct pair {
	struct http2_heap heap;
	struct http2_role roles[2];
	struct side client, server;
	uint64_t now_ms;
};

__attribute__((format(printf, 3, 4))) static inline void say(char *said, size_t *len,
							     const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(said + *len, TEXT_MAX - *len, format, args);
	va_end(args);
	*len += n > 0 && (size_t)n < TEXT_MAX - *len ? (size_t)n : 0;
}

#define SAY(x, ...) say((x)->said, &(x)->said_len, __VA_ARGS__)

static inline void *pair_on_request(void *of, uint32_t id, const struct http2_head *h)
{
	struct side *side = of;
	if (side->refuse_all)
		return NULL;
	struct stream *st = &side->streams[side->streams_n++];
	st->id = id;
	st->ended = h->end;
	SAY(st, "%.*s %.*s%s%s;", (int)h->method.len, (const char *)h->method.data,
	    (int)h->path.len, (const char *)h->path.data, h->end ? " end" : "",
	    h->too_large ? " too large" : "");
	return st;
}

static inline void pair_on_response(void *of, void *stream, const struct http2_head *h)
{
	(void)of;
	SAY((struct stream *)stream, "%u%s%s;", h->status, h->end ? " end" : "",
	    h->too_large ? " too large" : "");
}

static inline void pair_on_data(void *of, void *stream, struct span data)
{
	(void)of;
	struct stream *st = stream;
	for (size_t i = 0; i < data.len; i++)
		assert_int_equal(data.data[i], (uint8_t)(st->received + i));
	st->received += data.len;
}

static inline void pair_on_end(void *of, void *stream, const struct http2_head *trailers)
{
	(void)of;
	struct stream *st = stream;
	st->ended = true;
	SAY(st, "end %zu;", st->received);
	for (size_t i = 0; trailers && i < trailers->fields_n; i++)
		SAY(st, "%.*s=%.*s;", (int)trailers->fields[i].name.len,
		    (const char *)trailers->fields[i].name.data, (int)trailers->fields[i].value.len,
		    (const char *)trailers->fields[i].value.data);
}

static inline void pair_on_closed(void *of, void *stream, uint32_t code)
{
	(void)of;
	SAY((struct stream *)stream, "closed %u;", code);
}

static inline struct http2_body pair_body(void *of, void *stream, size_t max)
{
	(void)of;
	struct stream *st = stream;
	size_t left = st->to_send - st->sent;
	size_t n = st->held ? 0 : left < max ? left : max;
	static const struct http2_field trailer = {.name = {(const uint8_t *)"x-sum", 5},
						   .value = {(const uint8_t *)"1", 1}};
	bool end = !st->held && n == left;
	return (struct http2_body){
		.len = n, .end = end, .trailers = &trailer, .trailers_n = end && st->with_trailers};
}

static inline void pair_body_copy(void *of, void *stream, uint8_t *to, size_t len)
{
	(void)of;
	struct stream *st = stream;
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)(st->sent + i);
	st->sent += len;
}

static inline void pair_on_goaway(void *of, uint32_t last_id, uint32_t code)
{
	SAY((struct side *)of, "goaway %u %u;", last_id, code);
}

static inline void pair_on_pong(void *of, const uint8_t opaque[8])
{
	SAY((struct side *)of, "pong %.8s;", (const char *)opaque);
}

static inline void pair_on_settings(void *of)
{
	SAY((struct side *)of, "settings;");
}

static const struct http2_events pair_events = {
	.request = pair_on_request,
	.response = pair_on_response,
	.data = pair_on_data,
	.end = pair_on_end,
	.closed = pair_on_closed,
	.body = pair_body,
	.body_copy = pair_body_copy,
	.goaway = pair_on_goaway,
	.pong = pair_on_pong,
	.settings = pair_on_settings,
};

static inline void pair_init(struct pair *p, const struct http2_limits *client,
			     const struct http2_limits *server)
{
	*p = (struct pair){.now_ms = 1};
	http2_heap_init(&p->heap, 1 << 24);
	assert_int_equal(http2_role_init(&p->roles[0], HTTP2_CLIENT, client, &pair_events), OK);
	assert_int_equal(http2_role_init(&p->roles[1], HTTP2_SERVER, server, &pair_events), OK);
	assert_int_equal(http2_session_new(&p->roles[0], &p->heap, &p->client.counts, &p->client,
					   &p->client.s),
			 OK);
	assert_int_equal(http2_session_new(&p->roles[1], &p->heap, &p->server.counts, &p->server,
					   &p->server.s),
			 OK);
}

static inline void pair_done(struct pair *p)
{
	http2_session_free(p->client.s);
	http2_session_free(p->server.s);
	for (size_t i = 0; i < HTTP2_HEAP_SIZES; i++)
		assert_int_equal(slab_used(&p->heap.slabs[i]), 0);
	http2_role_done(&p->roles[0]);
	http2_role_done(&p->roles[1]);
	http2_heap_done(&p->heap);
}

/* What from has to say goes to the other, through a buffer of that size; false: nothing. */
static inline bool pair_move(struct pair *p, struct side *from, struct side *to, size_t size)
{
	uint8_t buf[20000];
	struct writer w = writer_of(buf, size);
	assert_int_equal(http2_session_write(from->s, &w), OK);
	if (w.pos)
		err_ignore(http2_session_receive(to->s, p->now_ms, writer_span(&w)));
	return w.pos > 0;
}

/* Until neither has anything to say. */
static inline void pair_run_sized(struct pair *p, size_t size)
{
	bool more = true;
	for (int i = 0; more && i < 100000; i++) {
		more = pair_move(p, &p->client, &p->server, size);
		more = pair_move(p, &p->server, &p->client, size) || more;
	}
	assert_false(more);
}

static inline void pair_run(struct pair *p)
{
	pair_run_sized(p, 20000);
}

#endif
