/* HTTP/2 in front and behind, through the exchange, as a client sees it. */
#include "proxy/through2_test.h"

static struct through th;

static int begin(void **state)
{
	(void)state;
	through_init(&th);
	run(&th);
	return 0;
}

static int end(void **state)
{
	(void)state;
	through_done_with(&th);
	return 0;
}

#define AT(i) (&th.origins[0].side.streams[i])

static void carries_a_request_and_its_answer(void **state)
{
	(void)state;
	th.answer_body = 1000;
	struct stream *c = ask(&th, "GET", 0);
	run(&th);
	assert_string_equal(c->said, "200;end 1000;closed 0;");
	assert_string_equal(AT(0)->said, "GET /x end;closed 0;");
	assert_int_equal(th.done, 1);
	assert_int_equal(th.cause, PROXY_FINE);
	assert_int_equal(proxy_count_get(&th.w.counts, PROXY_COUNT_STREAMS2), 2);
}

/* Where a request is led when its server is known by that address, and by `others`. */
static void is_led(struct ip_endpoint to, const struct ip_endpoint *others,
		   const struct ip_endpoint *wanted, size_t connections)
{
	unsigned done = th.done;
	th.hop.to = to;
	th.hop.others = others;
	th.hop.others_n = others != NULL;
	th.reached = (struct ip_endpoint){0};
	(void)ask(&th, "GET", 0);
	run(&th);
	assert_int_equal(th.done, done + 1);
	assert_true(ip_endpoint_equal(&th.reached, wanted));
	assert_int_equal(th.origins_n, connections);
}

/* Who judged a name's addresses judged no others: a connection that leads elsewhere is not for him,
 * and is for whoever's name leads there. It is told of each stream, for who writes it down. */
static void is_led_to_addresses_that_were_judged(void **state)
{
	static const struct ip_endpoint one = {.address = {.family = 4, .bytes = {192, 0, 2, 1}},
					       .port = 443},
					two = {.address = {.family = 4, .bytes = {192, 0, 2, 2}},
					       .port = 443},
					three = {.address = {.family = 4, .bytes = {192, 0, 2, 3}},
						 .port = 443};
	(void)state;
	is_led(one, NULL, &one, 1);
	is_led(one, NULL, &one, 1);
	is_led(two, NULL, &two, 2);
	is_led(one, NULL, &one, 2);
	is_led(three, &one, &one, 2);
	is_led(three, &memory_peer_is, &memory_peer_is, 3);
	is_led(memory_peer_is, NULL, &memory_peer_is, 3);
	/* One that somebody else opened, to where the name led then. */
	struct proxy_transport *t;
	th.hop.to = one;
	assert_int_equal(through_connect(&th.w, &th.hop, NULL, (struct span){0}, &t), OK);
	t->ready |= PROXY_OPENED;
	th.hop.to = three;
	proxy_back2_keep(&th.w, &th.hop, t, &two);
	is_led(two, NULL, &two, 4);
	th.refuse_connect = true;
	th.hop.to = three;
	(void)ask(&th, "GET", 0);
	run(&th);
	assert_int_equal(th.cause, PROXY_CONNECT_FAILED);
}

static void answers_of_itself(void **state)
{
	(void)state;
	th.answer_itself = true;
	struct stream *c = ask(&th, "POST", 3000);
	c->held = true;
	run(&th);
	assert_int_equal(th.origins_n, 0);
	assert_int_equal(th.done, 1);
	assert_int_equal(c->received, 5);
}

static void carries_large_bodies_both_ways_at_once(void **state)
{
	(void)state;
	struct stream *c[20];
	th.answer_body = 700000;
	for (size_t i = 0; i < 20; i++)
		c[i] = ask(&th, "POST", 300000 + i);
	run(&th);
	for (size_t i = 0; i < 20; i++) {
		assert_int_equal(c[i]->received, 700000);
		assert_int_equal(AT(i)->received, 300000 + i);
	}
	assert_int_equal(th.done, 20);
	assert_int_equal(th.origins_n, 1);
	assert_int_equal(th.w.buffers.out, 0);
}

static void passes_trailers_both_ways(void **state)
{
	(void)state;
	th.answer_body = 5;
	th.trailers = true;
	struct stream *c = ask(&th, "POST", 10);
	c->with_trailers = true;
	run(&th);
	assert_string_equal(AT(0)->said, "POST /x;end 10;x-sum=1;closed 0;");
	assert_string_equal(c->said, "200;end 5;x-sum=1;closed 0;");
}

/* As run, and neither peer takes from its session what it receives. */
static void run_unread(void)
{
	bool more = true;
	for (unsigned i = 0; i < 200 && more; i++) {
		more = give(&th.client, th.front);
		proxy_worker_turn(&th.w);
		for (size_t k = 0; k < th.origins_n; k++) {
			struct origin *o = &th.origins[k];
			more |= take(&o->side, o->m, 0);
			origin_answer(&th, o);
			more |= give(&o->side, o->m);
			proxy_worker_turn(&th.w);
		}
	}
	assert_false(more);
}

/* A client that does not read: the answer stays with the back end but for the buffers of both
 * connections and the windows. */
static void holds_no_more_than_windows_for_a_client_that_does_not_read(void **state)
{
	(void)state;
	th.answer_body = 10 << 20;
	th.front->out_max = 10000;
	(void)ask(&th, "GET", 0);
	run_unread();
	assert_true(AT(0)->sent < 400000);
	assert_true(th.w.buffers.out < 30);
	th.front->out_max = MEMORY_SIZE;
	run(&th);
	assert_int_equal(th.client.streams[0].received, 10 << 20);
}

/* The last of a request and the last of its answer, both here, for neither of which there is room:
 * neither side looks again and again because the other one has. */
static void the_ends_of_both_wait_without_a_turn(void **state)
{
	(void)state;
	enum { BODY = 80000, WINDOW = 65535 };
	th.early = true;
	th.answer_body = BODY;
	struct stream *c = ask(&th, "POST", BODY);
	run_unread();
	(void)take(&th.client, th.front, 0);
	run_unread();
	(void)take(&th.client, th.front, 0);
	assert_int_equal(c->sent, BODY);
	assert_int_equal(AT(0)->received, WINDOW);
	assert_int_equal(AT(0)->sent, BODY);
	assert_int_equal(c->received, WINDOW);
	for (int i = 0; i < 10; i++)
		proxy_worker_turn(&th.w);
	assert_null(th.w.later.first);
	run(&th);
	assert_int_equal(AT(0)->received, BODY);
	assert_int_equal(c->received, BODY);
	assert_int_equal(th.done, 1);
	assert_int_equal(th.cause, PROXY_FINE);
}

static void joins_cookies(void **state)
{
	(void)state;
	struct stream *st = &th.client.streams[th.client.streams_n++];
	const struct http2_field fields[] = {
		{.name = span_text("cookie"), .value = span_text("a=1")},
		{.name = span_text("x"), .value = span_text("y")},
		{.name = span_text("cookie"), .value = span_text("b=2")},
	};
	struct http2_head h = {.method = span_text("GET"),
			       .scheme = span_text("https"),
			       .authority = span_text("a.test"),
			       .path = span_text("/y"),
			       .fields = fields,
			       .fields_n = 3,
			       .end = true};
	assert_int_equal(http2_session_request(th.client.s, &h, st, &st->id), OK);
	run(&th);
	assert_string_equal(th.cookie, "a=1; b=2");
	assert_string_equal(st->said, "200 end;closed 0;");
}

/* One read brings both: nothing reaches the face. */
static void a_request_that_is_reset_at_once_reaches_nobody(void **state)
{
	(void)state;
	static uint8_t bytes[20000];
	struct writer w = writer_of(bytes, sizeof(bytes));
	for (unsigned i = 0; i < 50; i++) {
		struct stream *c = ask(&th, "GET", 0);
		assert_int_equal(http2_session_write(th.client.s, &w), OK);
		http2_session_reset(th.client.s, c->id, HTTP2_CANCEL);
		assert_int_equal(http2_session_write(th.client.s, &w), OK);
	}
	memcpy(th.front->in, w.data, w.pos);
	th.front->in_len = w.pos;
	th.front->t.ready |= PROXY_CAN_READ;
	th.front->t.call(th.front->t.owner, PROXY_CAN_READ);
	run(&th);
	assert_int_equal(th.requests, 0);
	assert_int_equal(th.w.exchanges_n, 0);
	assert_int_equal(proxy_count_get(&th.w.counts, PROXY_COUNT_RESETS2_IN), 50);
}

static void a_client_that_cancels_frees_the_back_end(void **state)
{
	(void)state;
	th.silent = true;
	struct stream *c = ask(&th, "GET", 0);
	run(&th);
	assert_int_equal(th.w.exchanges_n, 1);
	http2_session_reset(th.client.s, c->id, HTTP2_CANCEL);
	run(&th);
	assert_int_equal(th.w.exchanges_n, 0);
	assert_int_equal(th.cause, PROXY_CLIENT_GONE);
	assert_string_equal(AT(0)->said, "GET /x end;closed 8;");
}

/* And with a body that would follow: what was said is not lost by the end of the rest. */
static void refuses_a_head_above_the_limit(bool end)
{
	static char value[17000];
	memset(value, 'v', sizeof(value));
	struct http2_field f = {.name = span_text("x"), .value = span_of(value, sizeof(value))};
	struct stream *st = &th.client.streams[th.client.streams_n++];
	struct http2_head h = {.method = span_text("GET"),
			       .scheme = span_text("https"),
			       .authority = span_text("a.test"),
			       .path = span_text("/y"),
			       .fields = &f,
			       .fields_n = 1,
			       .end = end};
	st->to_send = end ? 0 : 100;
	st->held = !end;
	assert_int_equal(http2_session_request(th.client.s, &h, st, &st->id), OK);
	struct stream *c = ask(&th, "GET", 0);
	run(&th);
	assert_string_equal(st->said, "431 end;closed 0;");
	assert_string_equal(c->said, "200 end;closed 0;");
	assert_int_equal(th.malformed, 1);
}

static void refuses_a_head_above_the_limit_and_goes_on(void **state)
{
	(void)state;
	refuses_a_head_above_the_limit(true);
}

static void refuses_one_with_a_body_too(void **state)
{
	(void)state;
	refuses_a_head_above_the_limit(false);
}

/* RFC 8441, both sides. */
static void carries_a_websocket(void **state)
{
	(void)state;
	struct stream *st = &th.client.streams[th.client.streams_n++];
	st->to_send = 100;
	st->held = true;
	th.answer_body = 50;
	th.hold = th.early = true;
	struct http2_head h = {.method = span_text("CONNECT"),
			       .protocol = span_text("websocket"),
			       .scheme = span_text("https"),
			       .authority = span_text("a.test"),
			       .path = span_text("/chat")};
	assert_int_equal(http2_session_request(th.client.s, &h, st, &st->id), OK);
	run(&th);
	assert_string_equal(st->said, "200;");
	assert_string_equal(AT(0)->said, "CONNECT /chat;");
	st->held = false;
	http2_session_resume(th.client.s, st->id);
	run(&th);
	assert_string_equal(AT(0)->said, "CONNECT /chat;end 100;");
	AT(0)->held = false;
	http2_session_resume(th.origins[0].side.s, AT(0)->id);
	run(&th);
	assert_string_equal(st->said, "200;end 50;closed 0;");
	assert_int_equal(th.w.exchanges_n, 0);
}

static void drains_without_losing_a_request(void **state)
{
	(void)state;
	th.silent = true;
	struct stream *c = ask(&th, "GET", 0);
	run(&th);
	th.w.draining = true;
	proxy_front2_drain(&th.w);
	run(&th);
	assert_int_equal(proxy_front2_count(&th.w), 1);
	assert_int_equal(http2_session_room(th.client.s), 0);
	th.silent = false;
	run(&th);
	assert_string_equal(c->said, "200 end;closed 0;");
	assert_int_equal(proxy_front2_count(&th.w), 0);
	assert_int_equal(th.disconnected, 1);
	assert_true(th.front->closed);
}

static void pass_ms(uint64_t ms)
{
	th.w.now_ms += ms;
	th.w.now_us += ms * 1000;
	proxy_worker_turn(&th.w);
}

static void closes_an_idle_connection_in_order(void **state)
{
	(void)state;
	pass_ms(59000);
	assert_false(th.front->closed);
	pass_ms(2000);
	run(&th);
	assert_true(th.front->closed);
	assert_string_equal(th.client.said, "settings;goaway 0 0;");
}

/* HEADERS without their end, a byte now and then. */
static void ends_a_head_that_does_not_come_to_its_end(void **state)
{
	(void)state;
	static const uint8_t piece[] = {0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82};
	memcpy(th.front->in, piece, sizeof(piece));
	th.front->in_len = sizeof(piece);
	for (unsigned i = 0; i < 4 && !th.front->closed; i++) {
		th.front->t.ready |= PROXY_CAN_READ;
		th.front->t.call(th.front->t.owner, PROXY_CAN_READ);
		pass_ms(2000);
		th.front->in[0] = 0;
		th.front->in_len = i < 3;
	}
	run(&th);
	assert_true(th.front->closed);
	assert_int_equal(proxy_count_get(&th.w.counts, PROXY_COUNT_CAUSE + PROXY_CLIENT_HEAD_TIME),
			 1);
}

static void a_flood_ends_the_connection_and_its_exchanges(void **state)
{
	(void)state;
	th.silent = true;
	(void)ask(&th, "GET", 0);
	run(&th);
	for (unsigned i = 0; i < 400 && !th.front->closed; i++) {
		http2_session_ping(th.client.s, (const uint8_t *)"12345678");
		run(&th);
	}
	assert_true(th.front->closed);
	assert_int_equal(th.w.exchanges_n, 0);
	assert_int_equal(proxy_count_get(&th.w.counts, PROXY_COUNT_FLOOD2 + HTTP2_FLOOD_PING), 1);
}

static void a_client_that_goes_takes_its_exchanges_along(void **state)
{
	(void)state;
	th.silent = true;
	for (unsigned i = 0; i < 5; i++)
		(void)ask(&th, "POST", 100000);
	run(&th);
	th.front->eof = true;
	th.front->t.ready |= PROXY_CAN_READ;
	th.front->t.call(th.front->t.owner, PROXY_CAN_READ);
	run(&th);
	assert_int_equal(th.done, 5);
	assert_int_equal(th.w.exchanges_n, 0);
	assert_int_equal(th.cause, PROXY_CLIENT_GONE);
}

#define FACT(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FACT(refuses_a_head_above_the_limit_and_goes_on),
		FACT(refuses_one_with_a_body_too),
		FACT(a_request_that_is_reset_at_once_reaches_nobody),
		FACT(ends_a_head_that_does_not_come_to_its_end),
		FACT(a_flood_ends_the_connection_and_its_exchanges),
		FACT(a_client_that_cancels_frees_the_back_end),
		FACT(a_client_that_goes_takes_its_exchanges_along),
		FACT(holds_no_more_than_windows_for_a_client_that_does_not_read),
		FACT(the_ends_of_both_wait_without_a_turn),
		FACT(carries_a_request_and_its_answer),
		FACT(is_led_to_addresses_that_were_judged),
		FACT(answers_of_itself),
		FACT(carries_large_bodies_both_ways_at_once),
		FACT(passes_trailers_both_ways),
		FACT(joins_cookies),
		FACT(carries_a_websocket),
		FACT(drains_without_losing_a_request),
		FACT(closes_an_idle_connection_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
