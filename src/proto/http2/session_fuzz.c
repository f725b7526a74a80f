/* Bytes from anywhere into a session of either side, with an owner that answers and asks: nothing
 * is read or kept beyond the account, and every piece of memory comes back. The first byte says
 * which side; of what follows, each stretch is one call. */
#include "proto/http2/frames_test.h"
#include "proto/http2/heap.h"
#include "proto/http2/session.h"

enum { STEP = 97 };

struct owner {
	struct http2_session *s;
	size_t owed;
	uint32_t owed_id;
};

static void look(const struct http2_head *h)
{
	size_t sum = h->method.len + h->path.len + h->authority.len;
	ASSERT(h->fields_n <= HTTP2_FIELDS_MAX);
	for (size_t i = 0; i < h->fields_n; i++)
		for (size_t k = 0; k < h->fields[i].value.len; k++)
			sum += h->fields[i].value.data[k];
	ASSERT(sum < SIZE_MAX);
}

static void *on_request(void *of, uint32_t id, const struct http2_head *head)
{
	struct owner *o = of;
	look(head);
	if (id % 8 == 7)
		return NULL;
	struct http2_head h = {.status = 200, .end = head->end && id % 4 == 1};
	err_ignore(http2_session_respond(o->s, id, &h));
	return o;
}

static void on_response(void *of, void *stream, const struct http2_head *head)
{
	ASSERT(of == stream);
	look(head);
}

static void on_data(void *of, void *stream, struct span data)
{
	ASSERT(of == stream);
	((struct owner *)of)->owed += data.len;
}

static void on_end(void *of, void *stream, const struct http2_head *trailers)
{
	ASSERT(of == stream);
	if (trailers)
		look(trailers);
}

static void on_closed(void *of, void *stream, uint32_t code)
{
	(void)code;
	ASSERT(of == stream);
}

static struct http2_body body(void *of, void *stream, size_t max)
{
	ASSERT(of == stream);
	return (struct http2_body){.len = max < 1000 ? max : 1000, .end = max % 2};
}

static void body_copy(void *of, void *stream, uint8_t *to, size_t len)
{
	ASSERT(of == stream);
	memset(to, 'b', len);
}

static void on_goaway(void *of, uint32_t last_id, uint32_t code)
{
	(void)of;
	(void)last_id;
	(void)code;
}

static void on_pong(void *of, const uint8_t opaque[8])
{
	(void)of;
	ASSERT(opaque[0] <= UINT8_MAX);
}

static void on_settings(void *of)
{
	ASSERT(http2_session_room(((struct owner *)of)->s) <= 100);
}

static const struct http2_events events = {
	.request = on_request,
	.response = on_response,
	.data = on_data,
	.end = on_end,
	.closed = on_closed,
	.body = body,
	.body_copy = body_copy,
	.goaway = on_goaway,
	.pong = on_pong,
	.settings = on_settings,
};

static void drain(struct owner *o)
{
	static uint8_t buf[2000];
	for (unsigned i = 0; i < 8; i++) {
		struct writer w = writer_of(buf, sizeof(buf));
		if (http2_session_write(o->s, &w) != OK || w.pos == 0)
			break;
	}
}

static void play(struct owner *o, struct reader *r)
{
	uint64_t now_ms = 0;
	while (reader_left(r)) {
		size_t n = reader_left(r) < STEP ? reader_left(r) : STEP;
		if (http2_session_receive(o->s, now_ms++, read_span(r, n)) != OK)
			break;
		http2_session_consumed(o->s, 1, o->owed);
		o->owed = 0;
		drain(o);
	}
	drain(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct http2_limits limits = {.streams_max = 100,
						   .window_stream = 65535,
						   .window = 100000,
						   .head_max = 4096,
						   .memory_max = 400000,
						   .connect_protocol = true};
	struct reader r = reader_of(data, size);
	enum http2_side side = read_u8(&r) % 2 ? HTTP2_CLIENT : HTTP2_SERVER;
	struct http2_role role;
	struct http2_heap heap;
	struct http2_counts counts = {0};
	struct owner o = {0};
	http2_heap_init(&heap, 1 << 22);
	ASSERT(http2_role_init(&role, side, &limits, &events) == OK);
	ASSERT(http2_session_new(&role, &heap, &counts, &o, &o.s) == OK);
	struct http2_head h = {.method = span_text("POST"),
			       .scheme = span_text("http"),
			       .authority = span_text("a"),
			       .path = span_text("/")};
	uint32_t id;
	for (unsigned i = 0; side == HTTP2_CLIENT && i < 4; i++)
		ASSERT(http2_session_request(o.s, &h, &o, &id) == OK);
	play(&o, &r);
	http2_session_free(o.s);
	for (size_t i = 0; i < HTTP2_HEAP_SIZES; i++)
		ASSERT(slab_used(&heap.slabs[i]) == 0);
	http2_role_done(&role);
	http2_heap_done(&heap);
	return 0;
}
