/* Each flood: a connection survives what a client that behaves sends, and ends within the named
 * bound of the cheap frame, counted under its name. */
#include "proto/http2/frames_test.h"
#include "proto/http2/pair_test.h"

static const struct http2_limits limits = {
	.streams_max = 100,
	.window_stream = 65535,
	.window = 1 << 20,
	.head_max = 16384,
	.memory_max = 1 << 20,
};

static void fills_by_time_and_by_work(void **state)
{
	(void)state;
	struct http2_flood_guard g;
	http2_flood_init(&g);
	unsigned n = 0;
	while (http2_flood_take(&g, HTTP2_FLOOD_PING))
		n++;
	assert_int_equal(n, 100);
	http2_flood_tick(&g, 99);
	assert_false(http2_flood_take(&g, HTTP2_FLOOD_PING));
	http2_flood_tick(&g, 100); /* ten a second */
	assert_true(http2_flood_take(&g, HTTP2_FLOOD_PING));
	assert_false(http2_flood_take(&g, HTTP2_FLOOD_PING));
	http2_flood_earn(&g, HTTP2_WORK_SENT);
	assert_true(http2_flood_take(&g, HTTP2_FLOOD_PING));
	http2_flood_tick(&g, UINT64_MAX);
	for (n = 0; http2_flood_take(&g, HTTP2_FLOOD_PING); n++)
		;
	assert_int_equal(n, 100);
	/* A clock that stands still or goes back gives nothing. */
	http2_flood_tick(&g, 5);
	assert_false(http2_flood_take(&g, HTTP2_FLOOD_PING));
}

/* One round of a flood; `i` counts them. */
struct attack {
	enum http2_flood kind;
	unsigned bound; /* rounds after which it must have ended */
	struct frame once, each[3];
};

#define UPLOAD                                                                                     \
	{                                                                                          \
		HEADERS, END_HEADERS, 1, BYTES(POST_HEAD)                                          \
	}

/* id 0 in `each` with a type of streams: the next new stream. */
static const struct attack attacks[] = {
	{HTTP2_FLOOD_RESET,
	 201,
	 {0},
	 {{HEADERS, END_HEADERS, 0, BYTES(POST_HEAD)}, {RST_STREAM, 0, 0, BYTES("\0\0\0\x08")}}},
	/* Made to reset: the window of a stream above its bound. */
	{HTTP2_FLOOD_RESET,
	 201,
	 {0},
	 {{HEADERS, END_HEADERS, 0, BYTES(POST_HEAD)},
	  {WINDOW_UPDATE, 0, 0, BYTES("\x7f\xff\xff\xff")}}},
	/* Made to reset: a request that is malformed. */
	{HTTP2_FLOOD_RESET, 201, {0}, {{HEADERS, END_HEADERS, 0, BYTES(POST_HEAD "\x88")}}},
	{HTTP2_FLOOD_CONTINUATION,
	 9,
	 {HEADERS, 0, 1, BYTES(GET_HEAD)},
	 {{CONTINUATION, 0, 1, BYTES("\0\x01x\x01y")}}},
	{HTTP2_FLOOD_CONTINUATION,
	 9,
	 {HEADERS, 0, 1, BYTES(GET_HEAD)},
	 {{CONTINUATION, 0, 1, BYTES("")}}},
	{HTTP2_FLOOD_SETTINGS, 17, {0}, {{SETTINGS, 0, UINT32_MAX, BYTES("\0\x04\0\0\0\x01")}}},
	{HTTP2_FLOOD_PING, 101, {0}, {{PING, 0, UINT32_MAX, BYTES("12345678")}}},
	{HTTP2_FLOOD_EMPTY, 101, UPLOAD, {{DATA, 0, 1, BYTES("")}}},
	{HTTP2_FLOOD_EMPTY, 101, UPLOAD, {{DATA, PADDED, 1, BYTES("\0")}}},
	{HTTP2_FLOOD_PRIORITY, 301, {0}, {{PRIORITY, 0, 3, BYTES("\0\0\0\0\x10")}}},
	{HTTP2_FLOOD_PRIORITY,
	 301,
	 {0},
	 {{PRIORITY_UPDATE, 0, UINT32_MAX, BYTES("\0\0\0\x01u=1")}}},
	{HTTP2_FLOOD_WINDOW, 1001, {0}, {{WINDOW_UPDATE, 0, UINT32_MAX, BYTES("\0\0\0\x01")}}},
	/* 100 streams may be open, then 200 be refused. */
	{HTTP2_FLOOD_REFUSED, 301, {0}, {{HEADERS, END_HEADERS, 0, BYTES(POST_HEAD)}}},
};

static struct pair p;

static void send_frame(struct frame f, unsigned round)
{
	uint8_t buf[256];
	struct writer w = writer_of(buf, sizeof(buf));
	if (f.id == 0)
		f.id = round * 2 + 1;
	if (f.id == UINT32_MAX)
		f.id = 0;
	frame_write(&w, f);
	err_ignore(http2_session_receive(p.server.s, p.now_ms, writer_span(&w)));
}

static void drop_output(void)
{
	uint8_t buf[20000];
	struct writer w;
	do {
		w = writer_of(buf, sizeof(buf));
		assert_int_equal(http2_session_write(p.server.s, &w), OK);
	} while (w.pos);
}

static unsigned rounds_until_the_end(const struct attack *a, unsigned max)
{
	pair_init(&p, &limits, &limits);
	uint8_t buf[64];
	struct writer w = writer_of(buf, sizeof(buf));
	write_text(&w, client_preface);
	frame_write(&w, (struct frame){SETTINGS, 0, 0, {0}});
	assert_int_equal(http2_session_receive(p.server.s, 0, writer_span(&w)), OK);
	if (a->once.payload.data)
		send_frame(a->once, 0);
	unsigned round = 0;
	for (; round < max && !http2_session_is_over(p.server.s); round++) {
		for (size_t i = 0; i < 3 && a->each[i].payload.data; i++)
			send_frame(a->each[i], round);
		p.server.streams_n = 0;
		drop_output();
	}
	return round;
}

static void ends_a_flood_within_its_bound_and_counts_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		const struct attack *a = &attacks[i];
		unsigned rounds = rounds_until_the_end(a, 5000);
		uint64_t counted = p.server.counts.floods[a->kind];
		pair_done(&p);
		if (rounds > a->bound || rounds < 5 || counted != 1)
			fail_msg("%s (%zu): %u rounds, counted %u", http2_flood_name(a->kind), i,
				 rounds, (unsigned)counted);
	}
}

/* A client that cancels each request, slowly, or that has its answers, is no attack. */
static void lets_a_client_cancel_now_and_then(void **state)
{
	(void)state;
	pair_init(&p, &limits, &limits);
	for (unsigned i = 0; i < 1000; i++) {
		p.now_ms += 40;
		struct stream *st = &p.client.streams[0];
		struct http2_head h = {.method = span_text("GET"),
				       .scheme = span_text("https"),
				       .authority = span_text("a.test"),
				       .path = span_text("/"),
				       .end = true};
		*st = (struct stream){0};
		assert_int_equal(http2_session_request(p.client.s, &h, st, &st->id), OK);
		p.server.streams_n = 0;
		pair_run(&p);
		http2_session_reset(p.client.s, st->id, HTTP2_CANCEL);
		pair_run(&p);
		assert_false(http2_session_is_over(p.server.s));
	}
	assert_int_equal(p.server.counts.resets_in, 1000);
	pair_done(&p);
}

/* One entry of the table, and then two bytes for each of its copies. */
static void ends_a_head_that_expands_without_end(void **state)
{
	(void)state;
	pair_init(&p, &limits, &limits);
	static uint8_t head[16384], buf[20000];
	struct writer h = writer_of(head, sizeof(head));
	write_span(&h, span_of(GET_HEAD "\x40\x01x\x7f\xd9\x1e", sizeof(GET_HEAD) + 5));
	for (unsigned i = 0; i < 3800 + 128; i++)
		write_u8(&h, 'v');
	while (writer_left(&h))
		write_u8(&h, 0xbe);
	struct writer w = writer_of(buf, sizeof(buf));
	write_text(&w, client_preface);
	frame_write(&w, (struct frame){SETTINGS, 0, 0, {0}});
	frame_write(&w, (struct frame){HEADERS, END_HEADERS, 1, writer_span(&h)});
	assert_int_equal(writer_check(&w), OK);
	assert_int_equal(http2_session_receive(p.server.s, 0, writer_span(&w)), ERR_LIMIT);
	drop_output();
	assert_int_equal(p.server.counts.floods[HTTP2_FLOOD_HEAD], 1);
	assert_int_equal(p.server.streams_n, 0);
	pair_done(&p);
}

/* Acknowledgements that the client does not read are not queued without end. */
static void ends_a_client_that_does_not_read_its_acknowledgements(void **state)
{
	(void)state;
	pair_init(&p, &limits, &limits);
	uint8_t buf[64];
	struct writer w = writer_of(buf, sizeof(buf));
	write_text(&w, client_preface);
	frame_write(&w, (struct frame){SETTINGS, 0, 0, {0}});
	assert_int_equal(http2_session_receive(p.server.s, 0, writer_span(&w)), OK);
	unsigned n = 0;
	for (; n < 1000 && !p.server.counts.floods[HTTP2_FLOOD_QUEUE]; n++) {
		p.now_ms += 200; /* slow enough for the bucket */
		send_frame((struct frame){PING, 0, UINT32_MAX, BYTES("12345678")}, 0);
	}
	assert_in_range(n, 100, 200);
	pair_done(&p);
}

static void names_every_kind(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HTTP2_FLOODS; i++)
		assert_true(strlen(http2_flood_name((enum http2_flood)i)) > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_by_time_and_by_work),
		cmocka_unit_test(ends_a_flood_within_its_bound_and_counts_it),
		cmocka_unit_test(ends_a_head_that_expands_without_end),
		cmocka_unit_test(ends_a_client_that_does_not_read_its_acknowledgements),
		cmocka_unit_test(lets_a_client_cancel_now_and_then),
		cmocka_unit_test(names_every_kind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
