#include "proto/http2/pair_test.h"

static const struct http2_limits limits = {
	.streams_max = 100,
	.window_stream = 65535,
	.window = 1 << 20,
	.head_max = 16384,
	.memory_max = 1 << 20,
	.connect_protocol = true,
};

static struct pair p;

static struct span text(const char *s)
{
	return span_text(s);
}

static struct http2_head request_of(const char *method, bool end)
{
	return (struct http2_head){.method = text(method),
				   .scheme = text("https"),
				   .authority = text("a.test"),
				   .path = text("/x"),
				   .end = end};
}

static struct stream *ask(const char *method, size_t body)
{
	struct stream *st = &p.client.streams[p.client.streams_n++];
	st->to_send = body;
	struct http2_head h = request_of(method, body == 0);
	assert_int_equal(http2_session_request(p.client.s, &h, st, &st->id), OK);
	return st;
}

static void answer(struct stream *st, unsigned status, size_t body)
{
	struct http2_head h = {.status = (uint16_t)status, .end = body == 0};
	st->to_send = body;
	assert_int_equal(http2_session_respond(p.server.s, st->id, &h), OK);
}

static int begin(void **state)
{
	(void)state;
	pair_init(&p, &limits, &limits);
	pair_run(&p);
	return 0;
}

static int end(void **state)
{
	(void)state;
	pair_done(&p);
	return 0;
}

static void carries_a_request_and_its_answer(void **state)
{
	(void)state;
	struct stream *c = ask("GET", 0);
	pair_run(&p);
	assert_int_equal(p.server.streams_n, 1);
	assert_string_equal(p.server.streams[0].said, "GET /x end;");
	answer(&p.server.streams[0], 200, 1000);
	pair_run(&p);
	assert_string_equal(c->said, "200;end 1000;closed 0;");
	assert_string_equal(p.server.streams[0].said, "GET /x end;closed 0;");
	assert_int_equal(http2_session_streams(p.client.s), 0);
	assert_int_equal(http2_session_streams(p.server.s), 0);
}

static void passes_interim_heads_and_trailers_on(void **state)
{
	(void)state;
	struct stream *c = ask("POST", 10);
	c->with_trailers = true;
	pair_run(&p);
	struct stream *s = &p.server.streams[0];
	assert_string_equal(s->said, "POST /x;end 10;x-sum=1;");
	struct http2_head early = {.status = 103};
	assert_int_equal(http2_session_inform(p.server.s, s->id, &early), OK);
	s->with_trailers = true;
	answer(s, 200, 5);
	pair_run(&p);
	assert_string_equal(c->said, "103;200;end 5;x-sum=1;closed 0;");
}

/* Nobody sends more than the receiver has taken and a window: memory is bounded by the limits. */
static void stops_at_the_window_until_bytes_are_consumed(void **state)
{
	(void)state;
	struct stream *c = ask("POST", 1000000);
	pair_run(&p);
	struct stream *s = &p.server.streams[0];
	assert_int_equal(s->received, limits.window_stream);
	http2_session_consumed(p.server.s, s->id, s->received);
	pair_run(&p);
	assert_int_equal(s->received, 2 * limits.window_stream);
	size_t consumed = limits.window_stream;
	while (consumed < s->received) {
		http2_session_consumed(p.server.s, s->id, s->received - consumed);
		consumed = s->received;
		pair_run(&p);
	}
	assert_int_equal(s->received, 1000000);
	answer(s, 204, 0);
	pair_run(&p);
	assert_string_equal(c->said, "204 end;closed 0;");
}

static void makes_progress_through_buffers_of_any_size(void **state)
{
	(void)state;
	struct stream *c[8];
	for (size_t i = 0; i < 8; i++)
		c[i] = ask("POST", 3000 + i);
	pair_run_sized(&p, HTTP2_WRITE_MIN);
	for (size_t i = 0; i < 8; i++)
		answer(&p.server.streams[i], 200, 5000 + i);
	pair_run_sized(&p, HTTP2_WRITE_MIN);
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(p.server.streams[i].received, 3000 + i);
		assert_int_equal(c[i]->received, 5000 + i);
	}
}

static void waits_for_a_body_that_has_nothing_now(void **state)
{
	(void)state;
	struct stream *c = ask("GET", 0);
	pair_run(&p);
	struct stream *s = &p.server.streams[0];
	s->held = true;
	answer(s, 200, 9);
	pair_run(&p);
	assert_string_equal(c->said, "200;");
	s->held = false;
	http2_session_resume(p.server.s, s->id);
	pair_run(&p);
	assert_string_equal(c->said, "200;end 9;closed 0;");
}

static void resets_a_stream_and_hears_no_more_of_it(void **state)
{
	(void)state;
	struct stream *c = ask("POST", 100000);
	pair_run(&p);
	http2_session_reset(p.server.s, p.server.streams[0].id, HTTP2_CANCEL);
	pair_run(&p);
	assert_string_equal(p.server.streams[0].said, "POST /x;");
	assert_string_equal(c->said, "closed 8;");
	/* Before it was written at all: the server never hears of it. */
	struct stream *other = ask("GET", 0);
	http2_session_reset(p.client.s, other->id, HTTP2_CANCEL);
	pair_run(&p);
	assert_int_equal(p.server.streams_n, 1);
	assert_int_equal(http2_session_streams(p.client.s), 0);
	assert_string_equal(other->said, "");
}

static void refuses_a_stream_so_that_it_may_go_again(void **state)
{
	(void)state;
	p.server.refuse_all = true;
	struct stream *c = ask("GET", 0);
	pair_run(&p);
	assert_string_equal(c->said, "closed 7;");
}

/* RFC 9113 6.8: both steps; a request in flight between them is served, one behind them goes to
 * another connection. */
static void drains_in_two_steps(void **state)
{
	(void)state;
	struct stream *first = ask("GET", 0);
	pair_run(&p);
	http2_session_drain(p.server.s);
	struct stream *in_flight = ask("GET", 0);
	pair_run(&p);
	assert_string_equal(p.client.said, "settings;goaway 2147483647 0;");
	assert_int_equal(http2_session_room(p.client.s), 0);
	assert_int_equal(p.server.streams_n, 2);
	http2_session_drain_end(p.server.s);
	pair_run(&p);
	assert_false(http2_session_is_over(p.server.s));
	answer(&p.server.streams[0], 204, 0);
	answer(&p.server.streams[1], 204, 0);
	pair_run(&p);
	assert_string_equal(first->said, "204 end;closed 0;");
	assert_string_equal(in_flight->said, "204 end;closed 0;");
	assert_true(http2_session_is_over(p.server.s));
	assert_true(http2_session_is_over(p.client.s));
}

static void gives_back_what_goaway_left_out(void **state)
{
	(void)state;
	(void)ask("GET", 0);
	pair_run(&p);
	http2_session_drain_end(p.server.s);
	struct stream *late = ask("GET", 0);
	assert_true(pair_move(&p, &p.server, &p.client, 20000));
	pair_run(&p);
	assert_string_equal(late->said, "closed 7;");
	assert_int_equal(p.server.streams_n, 1);
}

static void keeps_to_the_peers_limit_of_streams(void **state)
{
	(void)state;
	for (unsigned i = 0; i < limits.streams_max; i++)
		(void)ask("GET", 0);
	assert_int_equal(http2_session_room(p.client.s), 0);
	struct http2_head h = request_of("GET", true);
	uint32_t id;
	assert_int_equal(http2_session_request(p.client.s, &h, &p, &id), ERR_LIMIT);
	pair_run(&p);
	answer(&p.server.streams[0], 204, 0);
	pair_run(&p);
	assert_int_equal(http2_session_room(p.client.s), 1);
}

static void pings(void **state)
{
	(void)state;
	http2_session_ping(p.client.s, (const uint8_t *)"opaque-8");
	pair_run(&p);
	assert_string_equal(p.client.said, "settings;pong opaque-8;");
}

static void tells_of_a_head_above_the_limit(void **state)
{
	(void)state;
	char value[20000];
	memset(value, 'v', sizeof(value));
	struct http2_field f = {.name = text("x"), .value = span_of(value, sizeof(value))};
	struct stream *c = &p.client.streams[p.client.streams_n++];
	struct http2_head h = request_of("GET", true);
	h.fields = &f;
	h.fields_n = 1;
	assert_int_equal(http2_session_request(p.client.s, &h, c, &c->id), OK);
	pair_run(&p);
	assert_string_equal(p.server.streams[0].said, "GET /x end too large;");
	answer(&p.server.streams[0], 431, 0);
	/* The connection goes on. */
	(void)ask("GET", 0);
	pair_run(&p);
	assert_string_equal(c->said, "431 end;closed 0;");
	assert_string_equal(p.server.streams[1].said, "GET /x end;");
}

static void ends_when_its_memory_is_at_the_limit(void **state)
{
	(void)state;
	pair_done(&p);
	struct http2_limits small = limits;
	small.memory_max = 60000;
	pair_init(&p, &limits, &small);
	pair_run(&p);
	for (unsigned i = 0; i < limits.streams_max; i++)
		(void)ask("POST", 1);
	pair_run(&p);
	assert_int_equal(p.server.counts.floods[HTTP2_FLOOD_MEMORY], 1);
}

static void refuses_what_does_not_begin_as_http2(void **state)
{
	(void)state;
	struct http2_session *s;
	struct http2_counts counts = {0};
	assert_int_equal(http2_session_new(&p.roles[1], &p.heap, &counts, &p.server, &s), OK);
	assert_int_equal(http2_session_receive(s, 0, text("GET / HTTP/1.1\r\nHost: a\r\n\r\n")),
			 ERR_FORMAT);
	assert_int_equal(counts.broken, 1);
	http2_session_free(s);
}

#define FACT(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FACT(refuses_what_does_not_begin_as_http2),
		FACT(refuses_a_stream_so_that_it_may_go_again),
		FACT(keeps_to_the_peers_limit_of_streams),
		FACT(tells_of_a_head_above_the_limit),
		FACT(ends_when_its_memory_is_at_the_limit),
		FACT(carries_a_request_and_its_answer),
		FACT(passes_interim_heads_and_trailers_on),
		FACT(stops_at_the_window_until_bytes_are_consumed),
		FACT(makes_progress_through_buffers_of_any_size),
		FACT(waits_for_a_body_that_has_nothing_now),
		FACT(resets_a_stream_and_hears_no_more_of_it),
		FACT(drains_in_two_steps),
		FACT(gives_back_what_goaway_left_out),
		FACT(pings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
